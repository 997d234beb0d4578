"""The tokenizer says where a value stands; a browser's parser must agree."""

from __future__ import annotations

from hypothesis import assume, example, given, settings, strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from nurture.render.markup import MAX_NESTING, Place, Tokenizer, nests_too_deeply

VALUE = "QQVALUEQQ"
SIGNS = ["<", ">", "/", "=", " ", "\n", "\t=", "'", '"', "a", "b", "-", "!", "&amp;"]
TAGS = ["<p", "<p ", "</p>", "<a href=", "<p a=b ", "<P X='", "title='", 'alt="', "</", "<br/>"]
OTHERS = ["<!--", "-->", "--!>", "<!", "<?", "<b>", "</script", "</SCRIPT >"]
RAW = [f"<{slash}{tag}>" for slash in ("", "/") for tag in ("script", "style", "title", "textarea")]
PIECES = st.lists(st.sampled_from(SIGNS + TAGS + OTHERS + RAW), max_size=10).map("".join)


def found_in(node: LexborNode | None) -> list[tuple[str, str]]:
    """Return where the value is: ("text" or "comment", tag) or (attribute, tag)."""
    places: list[tuple[str, str]] = []
    while node is not None:
        tag = node.tag or ""
        if node.is_text_node:
            if VALUE in (node.text_content or ""):
                places.append(("text", tag_around(node)))
        elif node.is_comment_node:
            if VALUE in (node.comment_content or ""):
                places.append(("comment", ""))
        else:
            if VALUE.lower() in tag.lower():
                places.append(("tag", tag))
            for name, value in node.attributes.items():
                places += [("name", tag)] * (VALUE.lower() in name.lower())
                places += [(name, tag)] * (VALUE in (value or ""))
            places += found_in(node.child)
        node = node.next
    return places


def tag_around(text: LexborNode) -> str:
    """Return the element that a text stands in.

    This parser opens <b> again inside <textarea>, where a browser sees nothing but text.
    """
    tags = []
    node = text.parent
    while node is not None:
        tags.append(node.tag or "")
        node = node.parent
    return next((tag for tag in tags if tag in {"textarea", "title"}), tags[0] if tags else "")


@settings(max_examples=500)
@given(before=PIECES, after=PIECES)
@example(before="<p><b><p><textarea>", after="")
def test_a_parser_agrees_where_a_value_stands(before: str, after: str) -> None:
    at = Tokenizer()
    at.feed(before)
    assume(at.place not in {Place.LESS_THAN, Place.END_TAG_OPEN})
    # The end closes what is open: where a document breaks off, parsers differ.
    document = f"<body>{before}{VALUE}{after}'>\">-->"
    places = found_in(LexborHTMLParser(document).root)
    # What stands in a tag that never ends, or twice in one tag, is in no tree.
    for place, tag in places:
        if at.place is Place.TEXT:
            assert place == "text"
            assert tag not in {"script", "style"}
        elif at.place is Place.RAW:
            assert (place, tag) == ("text", at.raw)
        elif at.place in {Place.COMMENT, Place.DECLARATION}:
            assert place == "comment"
        elif at.place in {Place.QUOTED, Place.UNQUOTED, Place.BEFORE_VALUE}:
            assert place == at.attribute
        else:
            assert place in {"tag", "name"}


@given(PIECES | st.text("<>/=ab \"'-!&", max_size=60), st.integers(0, 60))
@example(text="<style>a long text, then this </STYLE x='a > b'>, and text again", cut=40)
@example(text="<style>\u0130\u03a3 <</style", cut=9)
def test_feeding_in_pieces_is_feeding_at_once(text: str, cut: int) -> None:
    whole, pieces, letters = Tokenizer(), Tokenizer(), Tokenizer()
    whole.feed(text)
    pieces.feed(text[:cut])
    pieces.feed(text[cut:])
    for letter in text:
        letters.feed(letter)
    assert whole == pieces == letters


@given(st.text("<>/=ab \"'-!", max_size=200))
def test_short_documents_do_not_nest_too_deeply(text: str) -> None:
    assert not nests_too_deeply(text)


def test_nesting_is_counted_up_to_the_limit() -> None:
    assert not nests_too_deeply("<b>" * MAX_NESTING)
    assert nests_too_deeply("<b>" * (MAX_NESTING + 1))
