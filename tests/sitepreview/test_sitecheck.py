"""The check of built pages: each fault is found at its line, and sound pages pass."""

import pytest

from sitepreview import check_site

HEAD = '<html><head><link rel="stylesheet" href="site_libs/x.css"></head><body>\n<main><h1>T</h1>\n'


@pytest.fixture
def site(tmp_path):
    def build(body="", *, css=""):
        (tmp_path / "site_libs").mkdir(exist_ok=True)
        (tmp_path / "site_libs" / "x.css").write_text(css)
        (tmp_path / "sub").mkdir(exist_ok=True)
        (tmp_path / "sub" / "index.html").write_text('<main id="here"><a href="../index.html#top">up</a></main>')
        (tmp_path / "pic.png").write_bytes(b"x")
        (tmp_path / "index.html").write_text(f"{HEAD}{body}\n</main></body></html>")
        return tmp_path

    return build


SOUND = [
    '<a href="sub/index.html#here">x</a><a href="sub/">x</a><a href="#">x</a><a href="">x</a>',
    '<a href="https://www.nhs.uk">x</a><a href="mailto:a@b.org">x</a>',
    '<img src="pic.png" alt="A picture"><img src="data:image/png;base64,eA==" alt="y">',
    '<img src="pic.png" alt="" role="presentation">',
    '<link rel="canonical" href="https://example.org/x.html">',
    '<p id="a"></p><p id="b"></p>',
]


@pytest.mark.parametrize("body", SOUND)
def test_sound_pages_pass(site, body):
    assert check_site(site(body)) == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ('<a href="gone.html">x</a>', "broken link gone.html"),
        ('<a href="../gone.html">x</a>', "broken link ../gone.html"),
        ('<a href="sub/index.html#gone">x</a>', "broken link sub/index.html#gone: no such place on sub/index.html"),
        ('<a href="#gone">x</a>', "broken link #gone"),
        ('<img src="gone.png" alt="x">', "missing image gone.png"),
        ('<img src="pic.png">', "image pic.png has no text alternative"),
        ('<img src="pic.png" alt=" ">', "image pic.png has no text alternative"),
        ('<img alt="x">', "an image without a source"),
        ('<script src="http://a.org/x.js"></script>', "would fetch http://a.org/x.js"),
        ('<script src="site_libs/gone.js"></script>', "broken link site_libs/gone.js"),
        ('<link rel="stylesheet" href="//a.org/x.css">', "would fetch //a.org/x.css"),
        ('<link rel="preload" href="https://a.org/x.woff2">', "would fetch https://a.org/x.woff2"),
        ('<iframe src="https://a.org"></iframe>', "would fetch https://a.org"),
        ('<p style="background: url(https://a.org/x.png)">x</p>', "would fetch https://a.org/x.png"),
        ("<style>@import 'https://a.org/x.css';</style>", "would fetch https://a.org/x.css"),
        ('<img srcset="pic.png 1x, https://a.org/2.png 2x" src="pic.png" alt="x">', "would fetch https://a.org/2.png"),
        ('<p id="a"></p><p id="a"></p>', "identifier 'a' is used twice"),
    ],
)
def test_faults_are_found(site, body, what):
    problems = check_site(site(body))
    assert len(problems) == 1, [str(p) for p in problems]
    assert what in problems[0].what
    assert (problems[0].file, problems[0].line) == ("index.html", 3)


def test_style_sheet_that_asks_the_network(site):
    (problem,) = check_site(site(css="a{}\n@import url(https://fonts.org/css2?family=X:wght@300;400);"))
    assert (problem.file, problem.line) == ("site_libs/x.css", 2)


# As dart-sass writes what Bootswatch's Cosmo imports, and other ways to name the network
@pytest.mark.parametrize(
    "css",
    [
        '@charset "UTF-8";@import"https://fonts.org/css2?family=X:wght@300;400&display=swap";:root{--a:#fff}',
        "@import'//fonts.org/x';",
        '@import/* a comment */"https://fonts.org/x";',
        "@import url( 'https://fonts.org/x' );",
        "@font-face{src:local(X),url(https://fonts.org/x.woff2)format('woff2')}",
        'a{background:image-set("data:image/png;base64,eA==" 1x,"https://fonts.org/x.png" 2x)}',
        "a{background:IMAGE-SET('x.png' 1x, '//fonts.org/x.png' 2x)}",
    ],
)
def test_a_request_of_a_style_sheet_is_found_however_it_is_written(site, css):
    (problem,) = check_site(site(css=css))
    assert "would fetch" in problem.what and "//fonts.org/" in problem.what


@pytest.mark.parametrize(
    "css",
    [
        "/* @import 'https://fonts.org/x'; */",
        """a{background:url("data:image/svg+xml,%3csvg xmlns='http://www.w3.org/2000/svg'/%3e")}""",
        "a{background:url(data:image/svg+xml;base64,eA==)}",
        'a[href^="https://fonts.org"]{color:red}',
        'a::after{content:"https://fonts.org"}',
        "a{background:url(../x.png)}",
    ],
)
def test_a_style_sheet_that_asks_for_nothing_passes(site, css):
    assert check_site(site(css=css)) == []


def test_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="render the site first"):
        check_site(tmp_path)
