"""Whatever a user wrote, a page shows just that and does nothing more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from prometheus_rules.markdown import Markdown, code, fenced, link, text
from tests.rules_fixtures import HOSTILE

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TEXTS = [
    HOSTILE, "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a|b", "`x` ``y", "*a* _b_ ~~c~~ __d__",
    "[a](https://x.example.com) ![i](x) [r]: x", "&lt;b&gt; &amp &copy;", "# heading", "- item", "1. item", "> quote",
    "{{ 7 * 7 }} {% raw %}", "$x$ \\( \\[", "trailing \\", "line\nbreak\r\n\n# next", "---", "    indented",
    "é 電話 🙂", "https://evil.example.com www.evil.example.com me@example.com", "<!-- c -->", "a\\|b",
    "</code></pre>", "|---|", "^up^ @team :smile:", "\u2028", "Turn latency (p95), 2nd: 50 %",
]  # fmt: skip
every_text = pytest.mark.parametrize("value", TEXTS)


def tokens(markdown: str) -> list[Token]:
    """Flat, without the wrappers of inline content."""
    return [token for block in READER.parse(markdown) for token in (block.children or [block])]


def seen(markdown: str) -> str:
    """What a reader sees of one paragraph."""
    (content,) = [token for token in READER.parse(markdown) if token.type == "inline"]
    assert {child.type for child in content.children or []} <= {"text", "text_special", "code_inline"}
    return "".join(child.content for child in content.children or [])


def one_line(value: str) -> str:
    return "".join(character if character.isprintable() else " " for character in value)


@every_text
def test_a_text_is_shown_as_it_is(value: str) -> None:
    assert seen(f"x {text(value)} y") == f"x {one_line(value)} y"


@every_text
def test_a_text_is_shown_as_it_is_in_a_table_and_a_heading(value: str) -> None:
    table = READER.render(f"| a | b |\n| --- | --- |\n| {text(value)} | {code(value)} |")
    assert table.count("<td>") == 2
    assert "<script" not in table
    assert seen(f"# {text(value)}: x").removesuffix(": x").strip() == one_line(value).strip()


@every_text
def test_code_is_shown_as_it_is(value: str) -> None:
    assert seen(f"x {code(value)} y") == f"x {one_line(value)} y"


@given(st.text(max_size=40))
def test_any_text_is_shown_as_it_is(value: str) -> None:
    assert seen(f"x {text(value)} y") == f"x {one_line(value)} y"
    assert seen(f"x {code(value)} y") == f"x {one_line(value)} y"


@every_text
def test_nothing_is_left_that_other_renderers_would_act_on(value: str) -> None:
    """GitHub makes links of bare addresses and formulas of dollars; generators of sites read templates."""
    escaped = text(value)
    for live in ("<", "{{", "{%", "$", "://", "www.", "|", "~", "\n", "@"):
        assert live not in escaped


@pytest.mark.parametrize("content", ["x", "```\n# out", "a\n`````\nb", "~~~", "</pre><script>"])
def test_a_fence_holds_what_is_in_it(content: str) -> None:
    (block,) = tokens(fenced("promql", content))
    assert (block.type, block.info, block.content) == ("fence", "promql", f"{content}\n")


@pytest.mark.parametrize("label", TEXTS)
def test_a_link_leads_where_it_says(label: str) -> None:
    opening, *inside, closing = tokens(f"x {link(label, 'https://a.example.com/d?x=1&y=2')}")[2:-1]
    assert (opening.type, closing.type) == ("link_open", "link_close")
    assert opening.attrs == {"href": "https://a.example.com/d?x=1&y=2"}
    assert "".join(token.content for token in inside) == one_line(label)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example.com", "ftp://x", ""])
def test_only_addresses_of_the_web_become_links(url: str) -> None:
    assert seen(f"x {link('label', url)}") == "x label"


@pytest.mark.parametrize("end", ["a)b", "a b", "<a>", '"a"', "a](b", "a\\)b", "`a`", "a|b", "é"])
def test_an_address_cannot_end_its_link(end: str) -> None:
    found = [token for token in tokens(f"x {link('label', f'https://a.example.com/{end}')} y") if token.attrs]
    assert len(found) == 1
    assert str(found[0].attrs["href"]).startswith("https://a.example.com/")
    assert "y" in tokens(f"x {link('label', f'https://a.example.com/{end}')} y")[-2].content


def test_what_is_markdown_already_stays() -> None:
    assert isinstance(text("*"), Markdown)
    assert text("plain words, 50 %.") == "plain words, 50 %."
