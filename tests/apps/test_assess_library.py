"""The document set and finding in it."""

from __future__ import annotations

from apps.assess_requests import component, request
from stretto_apps.assess.agents import web_research
from stretto_apps.assess.data.practices import PRACTICES
from stretto_apps.assess.library import Document, local_documents, parse, passage, search, terms


def document(text: str, title: str = "t", practice: str | None = None) -> Document:
    """A document of one text."""
    return Document(source=f"{title}.md", title=title, text=text, practice=practice)


def test_the_set_is_whole() -> None:
    """At least twelve documents, each with title, keywords, a known practice and enough to read."""
    found = local_documents()
    assert len(found) >= 12
    for entry in found:
        assert entry.practice in PRACTICES
        assert entry.keywords
        assert len(entry.text.split()) > 90
        assert "---" not in entry.text
    assert len({entry.title for entry in found}) == len(found)


def test_parsing() -> None:
    """A head gives title, practice and keywords; without one the first line is the title; a broken head is
    text.
    """
    full = parse("a.md", "---\ntitle: T\npractice: mfa\nkeywords: x y\n---\nBody.\n")
    assert (full.title, full.practice, full.keywords, full.text) == ("T", "mfa", ("x", "y"), "Body.")
    bare = parse("b.md", "# Heading\n\nText.")
    assert (bare.title, bare.practice) == ("Heading", None)
    assert parse("c.md", "---\nno end").text == "---\nno end"
    assert parse("d.md", "").title == "d.md"


def test_terms() -> None:
    """Words are lower-cased, without stop words, with plurals folded and versions kept."""
    assert terms("The Databases of PostgreSQL 12.9, and access.") == [
        "database",
        "postgresql",
        "12.9",
        "access",
    ]


def test_rare_words_count_more() -> None:
    """A document with the rare word comes before one with the common word."""
    documents = [
        document("apple apple pear", "common"),
        document("apple quince fig", "rare"),
        document("apple nut"),
    ]
    assert next(hit.document.title for hit in search("apple quince", documents)) == "rare"


def test_repetition_saturates() -> None:
    """The tenth mention adds less than the second, as BM25 has it."""

    def score(count: int) -> float:
        padded = " ".join(["quince"] * count + ["filler"] * (20 - count))
        return search("quince", [document(padded), document("filler " * 20)])[0].score

    assert 0 < score(1) < score(2) < score(10)
    assert score(2) - score(1) > score(10) - score(9)


def test_long_documents_are_weighed_down() -> None:
    """Of two documents with one mention each the shorter one comes first."""
    long, short = document("quince " + "word " * 80, "long"), document("quince and pear tree", "short")
    assert [hit.document.title for hit in search("quince", [long, short])] == ["short", "long"]


def test_nothing_found() -> None:
    """Documents without any word of the query are left out; no documents, no hits; ties keep their order."""
    assert search("zebra", [document("apple")]) == []
    assert search("apple", []) == []
    twins = [document("apple", "one"), document("apple", "two")]
    assert [hit.document.title for hit in search("apple", twins)] == ["one", "two"]
    assert len(search("apple", twins, limit=1)) == 1


def test_passage_is_the_sentence_that_matches() -> None:
    """The sentence with most of the words is quoted whole."""
    text = "First one here. The restore takes\neleven hours. Last."
    assert passage(document(text), terms("restore hours")) == "The restore takes eleven hours."


def test_research_cites_what_it_found() -> None:
    """Each highlight quotes a sentence of a document by name, and the document holds it."""
    found = web_research.find(
        request(industry="health technology", description="patients", handles_health_data=True)
    )
    assert any("health-data-in-the-cloud.md" in line for line in found.highlights)
    for line in found.highlights:
        quote, _, rest = line.removeprefix("“").partition("” (")
        source = rest.rstrip(")").rsplit(", ", 1)[-1]
        text = next(entry.text for entry in local_documents() if entry.source == source)
        assert quote in " ".join(text.split())


def test_fetched_pages_take_part() -> None:
    """A fetched page is searched and cited like the others, but argues for no practice."""
    page = document("quantum flux capacitor maintenance " * 3, "https://example.org/flux")
    asked = request(goals=("quantum flux capacitor",))
    with_page, without = web_research.find(asked, [page]), web_research.find(asked)
    assert any("example.org" in line for line in with_page.highlights)
    assert not any("example.org" in line for line in without.highlights)
    assert not any("flux" in r.reason for r in with_page.recommendations)


def test_the_question_follows_the_request() -> None:
    """Industry, kind, goals, stack, frameworks and kinds of data are searched for."""
    asked = request(
        industry="retail", kind="ml-inference", goals=("faster checkout",), models=("m",),
        stack=(component("K8s", "1.34"),), compliance=("pci-dss",), handles_card_data=True,
    )  # fmt: skip
    words = web_research.question(asked)
    for word in (
        "retail",
        "ml inference",
        "faster checkout",
        "kubernetes",
        "pci",
        "card payment",
        "machine learning",
    ):
        assert word in words


def test_documents_found_by_accident_recommend_nothing() -> None:
    """Only documents above the threshold argue for their practice."""
    asked = request(industry="bakery", description="", goals=(), stack=(), kind="batch")
    for given in web_research.find(asked).recommendations:
        assert given.evidence[0].value >= web_research.CONVINCING
