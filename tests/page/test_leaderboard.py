from tests.page.conftest import Site


def test_shows(site: Site) -> None:
    text = site.text()
    open("/tmp/helper-page/lb.html", "w").write(text)
    assert "@ada.plays" in text
