"""Vega, Vega-Lite and Vega-Embed as one script, bundled once per release of vl-convert.

Bundling takes more CPU time than all other steps of a small page together, so its result is kept.
"""

import hashlib
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from markupsafe import Markup

from analytics_pipeline.storage.atomic_write import private_file

_NAME = "vega-{release}-{digest}.js"


@cache
def vega_script(cache_dir: Path | None) -> Markup:
    """Return the libraries as one script that holds no end tag.

    Args:
        cache_dir: folder of the data folder in which the script is kept; None to bundle it again.
            It is made if the data folder exists. A file that is not whole, or of another release,
            is replaced.
    """
    script = _kept(cache_dir) if cache_dir else None
    if script is None:
        script = _bundle()
        if cache_dir and cache_dir.parent.is_dir():
            with suppress(OSError):  # the next page takes a second longer, and nothing else
                _keep(cache_dir, script)
    return Markup(script)  # noqa: S704  # a library's script


def _kept(cache_dir: Path) -> str | None:
    for path in cache_dir.glob(_NAME.format(release=_release(), digest="*")):
        with suppress(OSError, UnicodeDecodeError):
            script = path.read_text(encoding="utf-8")
            if path.name == _name(script):
                return script
    return None


def _keep(cache_dir: Path, script: str) -> None:
    for outdated in cache_dir.glob(_NAME.format(release="*", digest="*")):
        outdated.unlink(missing_ok=True)
    with private_file(cache_dir / _name(script)) as file:
        file.write(script.encode())


def _name(script: str) -> str:
    digest = hashlib.sha256(script.encode()).hexdigest()
    return _NAME.format(release=_release(), digest=digest[:32])


def _release() -> str:
    return version("vl-convert-python")


def _bundle() -> str:
    import vl_convert  # not needed if the script is kept

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle.replace("</script", "<\\/script")
