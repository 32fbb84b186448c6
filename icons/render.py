#!/usr/bin/env python3
"""Renders the committed PNG files from the SVG files beside it.

Needs python3-gi, gir1.2-gdkpixbuf-2.0 and librsvg2-common. Run it with the distribution's /usr/bin/python3.
"""
import pathlib

import gi

gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf  # noqa: E402

here = pathlib.Path(__file__).parent
# A tray icon is drawn at 16 to 24 pixels, at twice that on dense screens.
wanted = [(svg.stem, 48, svg.stem) for svg in sorted(here.glob("tray-*.svg"))]
wanted += [("portolan", size, f"portolan-{size}") for size in (32, 64, 128, 256)]
for source, size, target in wanted:
    image = GdkPixbuf.Pixbuf.new_from_file_at_size(str(here / f"{source}.svg"), size, size)
    image.savev(str(here / f"{target}.png"), "png", [], [])
