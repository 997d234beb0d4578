"""From a mail as written to the bytes that leave.

`environment` compiles allow-listed Jinja2, `mail` renders one mail for one lead, `headers` builds
what mailbox providers ask of bulk mail, `mime` assembles bytes. Nothing here opens a socket or
reads a file, a clock or a random number: the same values give the same bytes.
"""
