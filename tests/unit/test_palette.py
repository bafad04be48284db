"""Colours that stay apart for people with colour-blindness, and from white and from dark paper."""

from itertools import combinations

import numpy as np
import pytest

from genoglot.report.palette import ARCHITECTURE_COLOURS, CYCLE, REGION_COLOURS, SHADES, styles

# Machado, Oliveira and Fernandes (2009), doi:10.1109/TVCG.2009.113, severity 1, on linear RGB
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
PAPERS = ("#ffffff", "#14181c")
# CIE76; two colours side by side are told apart from about 2.3
FAR = 15


def linear(colour):
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(colour, vision):
    xyz = XYZ @ np.clip(np.array(VISION[vision]) @ linear(colour), 0, 1) / [0.95047, 1, 1.08883]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    low, high = sorted(float(XYZ[1] @ linear(colour)) + 0.05 for colour in (one, other))
    return high / low


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("colours", [REGION_COLOURS.values(), ARCHITECTURE_COLOURS.values(), CYCLE])
def test_classes_are_told_apart(vision, colours):
    distances = [np.linalg.norm(lab(one, vision) - lab(other, vision)) for one, other in combinations(set(colours), 2)]
    assert min(distances) > FAR


@pytest.mark.parametrize("vision", VISION)
def test_shades_get_lighter_from_end_to_end(vision):
    lightness = [lab(colour, vision)[0] for colour in SHADES]
    assert (np.diff(lightness) > 3).all()


@pytest.mark.parametrize("paper", PAPERS)
def test_nothing_vanishes_on_white_or_dark(paper):
    for colour in [*REGION_COLOURS.values(), *CYCLE]:
        assert contrast(colour, paper) > 2.2
    for colour in SHADES:
        assert contrast(colour, paper) > 1.5


def test_known_names_keep_their_colours_and_order():
    found = styles(["x", "CDS", "y"], REGION_COLOURS, {"x": 1, "CDS": 1, "y": 5})
    assert [style.label for style in found] == ["CDS", "x", "y"]
    assert [style.colour for style in found] == [REGION_COLOURS["CDS"], *CYCLE[:2]]
