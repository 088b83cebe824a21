import numpy as np
import pytest

from analysis import figures

pytest.importorskip("matplotlib")
NAMES = [f"a-model-with-a-long-name+recipe-w{n}g128" for n in range(15)]


def styles(figure):
    return {
        (line.get_color(), line.get_linestyle(), line.get_marker(), str(line._dash_pattern))
        for line in figure.axes[0].get_lines()
        if not line.get_label().startswith("_")
    }


def test_fifteen_models_are_told_apart_and_their_names_fit_on_the_page():
    figure = figures.erank_by_layer([0, 1, 2], {name: [0.0, 1.0, 2.0] for name in NAMES})
    figure.draw_without_rendering()
    assert len(styles(figure)) == len(NAMES)
    legend = figure.legends[0].get_window_extent()
    assert legend.x0 >= 0
    assert legend.x1 <= figure.bbox.x1
    assert legend.y1 <= figure.bbox.y1


def test_of_many_histograms_the_base_and_the_furthest_are_drawn():
    edges = np.linspace(-10, 10, 41)
    middles = (edges[1:] + edges[:-1]) / 2
    models = {
        name: (edges, np.exp(-((middles - shift) ** 2))) for name, shift in zip(NAMES, range(15), strict=True)
    }
    figure = figures.logits_histograms({3: models})
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown[0] == NAMES[0]
    assert set(shown[1:]) < set(NAMES[6:])
    assert len(shown) == 6
