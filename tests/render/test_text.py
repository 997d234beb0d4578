from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from nurture.render.text import finish, flat, mark


def text_of(body: str) -> str:
    return finish(mark(f"<html><head><title>no</title></head><body>{body}</body></html>"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("", "\n", id="nothing"),
        pytest.param("<p>a</p><p>b</p>", "a\n\nb\n", id="paragraphs"),
        pytest.param("<div>a</div><div>b<br>c</div>", "a\n\nb\nc\n", id="lines"),
        pytest.param(" a \n\n  b\t<b> c</b>&nbsp;d ", "a b c d\n", id="white space"),
        pytest.param("<h1>Title</h1>a", "Title\n=====\n\na\n", id="a heading"),
        pytest.param("<h2>Part</h2><h3>Detail</h3>", "Part\n----\n\nDetail\n", id="smaller ones"),
        pytest.param("<h1> </h1>a", "a\n", id="an empty heading"),
        pytest.param("<ul><li>a</li><li>b</li></ul>c", "- a\n- b\n\nc\n", id="a list"),
        pytest.param("a<ul>\n</ul>b<ol></ol>c", "a\n\nb\n\nc\n", id="lists of nothing"),
        pytest.param("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b\n", id="a numbered list"),
        pytest.param(
            "<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>",
            "1. a\n\n  - b\n\n2. c\n",
            id="a list in a list",
        ),
        pytest.param("<li>a</li>", "- a\n", id="an item without a list"),
        pytest.param('<a href="https://a.example">b</a>', "b: https://a.example\n", id="a link"),
        pytest.param(
            '<a href="https://a.example"><b>b</b>\n c</a>', "b c: https://a.example\n", id="inner"
        ),
        pytest.param('<a href="https://a.example"></a>', "https://a.example\n", id="without text"),
        pytest.param(
            '<a href="https://a.example">https://a.example</a>', "https://a.example\n", id="itself"
        ),
        pytest.param('<a href="mailto:a@b.example">us</a>', "us: a@b.example\n", id="an address"),
        pytest.param('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example\n", id="shown"),
        pytest.param('<a href="#top">up</a><a>nowhere</a>', "upnowhere\n", id="no target"),
        pytest.param(
            '<a href="https://a.example"><img alt="Logo"></a>',
            "Logo: https://a.example\n",
            id="img",
        ),
        pytest.param("<table><tr><td>a</td><td>b</td></tr></table>", "a b\n", id="a table"),
        pytest.param("a<hr>b", "a\n\n----\n\nb\n", id="a rule"),
        pytest.param("a<!-- b -->c", "ac\n", id="no comments"),
        pytest.param("<style>p{}</style><script>x</script>a", "a\n", id="no code"),
        pytest.param('<div style="color:red; DISPLAY : none">x</div>a', "a\n", id="nothing hidden"),
        pytest.param("<div hidden>x</div>", "x\n", id="but the attribute, which mails ignore"),
        pytest.param("&lt;b&gt; &amp; &copy;", "<b> & ©\n", id="entities"),
        pytest.param(
            '<ul><li><a href="https://a.example"></ul></a>b',
            "- https://a.example\n\nb\n",
            id="torn tags",
        ),
    ],
)
def test_html_reads_as_text(body: str, expected: str) -> None:
    assert text_of(body) == expected


def test_no_body_is_no_text() -> None:
    assert mark("") == ""


def test_comments_are_kept_only_with_the_nonce_in_them() -> None:
    html = "<body>a<!--xyz1--><div style='display:none'>no<!--xyz2--></div><!--b--></body>"
    assert mark(html, nonce="xyz") == "axyz1xyz2"


def test_a_value_is_flat() -> None:
    assert flat("a\n\tb\xa0c") == "a b c"


def test_marks_that_were_never_closed_do_not_leave() -> None:
    assert finish("a\x01b\x02c \x08d\x0e\x07") == "abc d\n"
    assert finish("\x07\x04a") == "- a\n"


@given(st.text(alphabet="<>/abpliou \n&;=\"'h1dtr", max_size=60))
def test_no_html_breaks_it_and_no_mark_is_left(body: str) -> None:
    text = text_of(body)
    assert not set(text) & set("\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f")
    assert text.endswith("\n")
    assert "\n\n\n" not in text
