"""Horizontal bars in groups, as SVG."""
from html import escape

COLOURS = {"Outrider": "#1f6fb5", "ONNX Runtime": "#8a8f98", "ONNX Runtime, fp32": "#c3c7cd",
           "OpenCV": "#d9a441"}
BAR, GAP, GROUP_GAP = 14, 3, 16
LABELS, PANEL, MARGIN, TOP, FOOT = 240, 330, 20, 100, 40
TEXT = 'font-family="DejaVu Sans, Verdana, sans-serif"'


def text(x, y, what, size=11, anchor="start", colour="#222", weight="normal"):
    """With a white rim, so that lines behind it do not strike it through."""
    return f'<text x="{x:.1f}" y="{y:.1f}" {TEXT} font-size="{size}" text-anchor="{anchor}" ' \
        f'fill="{colour}" font-weight="{weight}" stroke="white" stroke-width="3" ' \
        f'paint-order="stroke">{escape(what)}</text>'


def group_height(bars):
    return len(bars) * (BAR + GAP) + GROUP_GAP


def scale_of(panels):
    """The end of the axis: a multiple of one half beyond every bar."""
    most = max((value for _, groups in panels for _, bars in groups for _, value, _ in bars),
               default=1)
    return (int(most * 2) + 1) / 2


def bars_of(groups, x, y, per_unit):
    parts = []
    for _, bars in groups:
        for name, value, ms in bars:
            width = value * per_unit
            label = f"{value:.2f}×, {ms:.1f} ms"
            parts.append(f'<rect x="{x}" y="{y:.1f}" width="{width:.1f}" height="{BAR}" '
                         f'fill="{COLOURS.get(name, "#999")}"/>')
            parts.append(text(x + width + 4, y + BAR - 3, label, 10))
            y += BAR + GAP
        y += GROUP_GAP
    return parts


def axis_of(x, top, bottom, limit, per_unit):
    parts, step = [], 0.5 if limit <= 3 else 1
    for i in range(int(limit / step) + 1):
        at = x + i * step * per_unit
        strong = i * step == 1
        parts.append(f'<line x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{bottom}" stroke="'
                     f'{"#444" if strong else "#ddd"}" stroke-width="{1.5 if strong else 1}"/>')
        parts.append(text(at, bottom + 14, f"{i * step:g}×", 10, "middle", "#555"))
    return parts


def legend(names, y):
    parts, x = [], LABELS
    for name in names:
        parts.append(f'<rect x="{x}" y="{y - 10}" width="11" height="11" '
                     f'fill="{COLOURS.get(name, "#999")}"/>')
        parts.append(text(x + 16, y, name))
        x += 30 + 7 * len(name)
    return parts


def draw(panels, title, subtitle):
    """panels: [(title, [(label, [(name, value, ms)])])], the same labels in each."""
    groups = panels[0][1] if panels else []
    height = TOP + sum(group_height(bars) for _, bars in groups) + FOOT
    width = LABELS + len(panels) * (PANEL + 90) + MARGIN
    limit = scale_of(panels)
    per_unit, bottom = PANEL / limit, height - FOOT + 4
    names = list(dict.fromkeys(name for _, g in panels for _, bars in g for name, _, _ in bars))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}">', '<rect width="100%" height="100%" fill="white"/>',
             text(MARGIN, 26, title, 16, weight="bold"),
             text(MARGIN, 44, subtitle, 11, colour="#555")]
    parts += legend(names, 64)
    y = TOP
    for label, bars in groups:
        middle = y + (group_height(bars) - GROUP_GAP) / 2 + 4
        parts.append(text(LABELS - 8, middle, label, 11, "end"))
        y += group_height(bars)
    for i, (name, panel) in enumerate(panels):
        x = LABELS + i * (PANEL + 90)
        parts += axis_of(x, TOP - 4, bottom, limit, per_unit)
        parts.append(text(x, TOP - 10, name, 12, weight="bold"))
        parts += bars_of(panel, x, TOP, per_unit)
    return "\n".join(parts + ["</svg>"]) + "\n"
