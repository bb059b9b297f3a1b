"""Render the website with Quarto, or with the preview renderer where Quarto cannot be installed."""

from naome.render.command import run_render
from naome.render.portable import check_portable
from naome.render.problems import Problem, Refused
from naome.render.site import RENDERERS, RenderReport, render_site
from naome.render.sitecheck import check_site

__all__ = [
    "RENDERERS",
    "Problem",
    "Refused",
    "RenderReport",
    "check_portable",
    "check_site",
    "render_site",
    "run_render",
]
