// Compile MJML with its own compiler: files in, JSON of their pages out.
const fs = require("fs");
const path = require("path");
const mjml = require("mjml");

const pages = {};
for (const file of process.argv.slice(2)) {
  // Without a list of its own it would load fonts from a server of its choice, as ours would.
  const options = { fonts: {}, validationLevel: "strict", keepComments: false };
  pages[path.basename(file, ".mjml")] = mjml(fs.readFileSync(file, "utf8"), options).html;
}
process.stdout.write(JSON.stringify(pages));
