"""Colors and fonts of the live picture."""

from __future__ import annotations

from typing import Final

_DARK: Final = (
    "--tq-blue:#64b0f5;--tq-orange:#f0a43c;--tq-violet:#b79df2;--tq-pink:#f080bd;--tq-red:#ff8a80"
)

_RULES: Final = """\
.tq{--tq-blue:#1565c0;--tq-orange:#b45309;--tq-violet:#6d4bb8;--tq-pink:#a3256d;--tq-red:#c62828;
 --tq-ground:var(--jp-layout-color0,Canvas);color:var(--jp-ui-font-color1,currentColor);
 font:12px/1.45 var(--jp-ui-font-family,system-ui,sans-serif);padding:4px 2px 0}
.tq b{font-weight:600}
.tq svg,.tq svg svg{overflow:visible}
.tq-tiles{display:flex;flex-wrap:wrap;gap:2px 18px;align-items:baseline;margin:0 0 10px}
.tq-tile b{font-size:19px;font-variant-numeric:tabular-nums}
.tq-zero{opacity:.65}
.tq-bad b{color:var(--tq-red)}
.tq-paused{border:1px solid;border-radius:3px;padding:0 6px;font-weight:600}
.tq-charts{display:flex;flex-wrap:wrap;gap:0 28px}
.tq-pair{flex:1 1 430px;min-width:0;display:grid;gap:0 28px;
 grid-template-columns:repeat(auto-fit,minmax(min(200px,100%),1fr))}
.tq-chart{min-width:0;display:flex;flex-direction:column}
.tq-chart>svg{margin:0 10px 26px 40px;width:calc(100% - 50px);flex:none}
.tq-workers>svg{margin:0 118px 22px 84px;width:calc(100% - 202px)}
.tq-head{margin-bottom:8px;flex:1}
.tq-head>b{font-size:13px;color:var(--jp-ui-font-color0,currentColor)}
.tq-head>span{opacity:.8}
.tq-legend{display:flex;flex-wrap:wrap;gap:0 12px}
.tq-legend span{white-space:nowrap}
.tq-legend b{font-variant-numeric:tabular-nums}
.tq-legend svg{vertical-align:middle;margin-right:5px}
.tq text{font-size:11px;fill:currentColor}
.tq-end{text-anchor:end}.tq-middle{text-anchor:middle}.tq-start{text-anchor:start}
.tq text.tq-note{font-size:12px;paint-order:stroke;stroke:var(--tq-ground);stroke-width:12}
.tq tspan,.tq text.tq-idle{opacity:.75;font-variant-numeric:tabular-nums}
.tq-grid line{stroke:currentColor;opacity:.16;shape-rendering:crispEdges}
.tq-line{fill:none;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}
.tq-data path{vector-effect:non-scaling-stroke}
.tq-finished,.tq-p50{stroke:var(--tq-blue)}
.tq-submitted{stroke:currentColor;stroke-width:1.4;stroke-dasharray:4 3;opacity:.75}
.tq-depth{stroke:var(--tq-violet)}
.tq-p95{stroke:var(--tq-orange);stroke-dasharray:6 4}
.tq-p99{stroke:var(--tq-pink);stroke-dasharray:.1 4;stroke-width:2.4}
.tq-bound{stroke:var(--tq-red);stroke-width:1.4;stroke-dasharray:8 3 2 3}
.tq-area{stroke:none;opacity:.2}
.tq-area.tq-finished{fill:var(--tq-blue)}.tq-area.tq-depth{fill:var(--tq-violet)}
.tq-peak{fill:currentColor}
.tq-halo{fill:none;stroke:var(--tq-ground);stroke-width:4;stroke-linejoin:round}
.tq text.tq-halo{fill:currentColor;stroke-width:3;paint-order:stroke}
.tq-lane{stroke:currentColor;opacity:.1;stroke-width:10}
.tq-succeeded,.tq-failed,.tq-retried,.tq-crashed{stroke-width:10}
.tq-succeeded{stroke:var(--tq-blue)}.tq-failed{stroke:var(--tq-red)}
.tq-retried{stroke:var(--tq-orange);stroke-dasharray:3 2}
.tq-crashed{stroke:currentColor;stroke-dasharray:1 1}
.tq-stopped{fill:none;stroke:currentColor;stroke-dasharray:2 2}
.tq-running{fill:var(--tq-blue);fill-opacity:.25;stroke:var(--tq-blue)}
.tq-mark-failed{fill:none;stroke:var(--tq-red);stroke-width:2}
.tq-mark-retried{fill:none;stroke:var(--tq-orange);stroke-width:1.5}
.tq-mark-crashed{fill:currentColor}
.tq-mark-stopped{fill:var(--tq-ground);stroke:currentColor}
.tq .tq-bars text{display:none;text-anchor:middle;pointer-events:none;paint-order:stroke;
 stroke:var(--tq-ground);stroke-width:9;stroke-linejoin:round}
.tq .tq-bars :hover+text{display:inline}
.tq-bars line:hover{stroke-width:14}
.tq-bars rect{pointer-events:all}
.tq foreignObject{overflow:visible}
.tq-tell{display:flex;height:100%}
.tq-tell i{flex:1 1 0;min-width:0;font-style:normal}
.tq-tell i:hover{background:color-mix(in srgb,currentColor 14%,transparent)}
.tq-tell i:hover::after{content:attr(data-tell);display:block;width:max-content;white-space:pre;
 font-variant-numeric:tabular-nums;direction:ltr;margin:2px 0 0 calc(100% + 6px);padding:2px 7px;
 pointer-events:none;border:1px solid;border-radius:3px;background:var(--tq-ground)}
.tq-right i{direction:rtl}
.tq-right i:hover::after{margin:2px calc(100% + 6px) 0 0}
.tq-overview>svg{margin:0 10px 8px 10px;width:calc(100% - 20px);flex:none}
.tq-overview .tq-head{display:flex;flex-wrap:wrap;gap:0 10px;margin-bottom:6px}
.tq-window,.tq-marked{fill:currentColor;fill-opacity:.09;stroke:currentColor;stroke-opacity:.55}
.tq-marked{display:inline-block;width:16px;height:9px;margin-right:5px;border:1px solid;
 background:color-mix(in srgb,currentColor 9%,transparent);opacity:.75}
.tq-line.tq-dashed{stroke-dasharray:5 3;stroke-width:1.4}
.tq-status{font:12px/1.45 var(--jp-ui-font-family,system-ui,sans-serif);margin:2px;
 color:var(--jp-ui-font-color1,currentColor)}
"""

CSS: Final = f"""{_RULES}\
[data-jp-theme-light="false"] .tq,
.vscode-dark .tq:not(.cell-output-ipywidget-background *){{{_DARK}}}
@media (prefers-color-scheme:dark){{.tq-page .tq{{{_DARK}}}}}
"""
"""In the notebook's colors where it names them, so the picture follows a light or dark theme; on a
page of the class `tq-page`, in those that the browser prefers.

Every kind of line and bar differs from the others in its dashes or its shape too: nobody has to
tell colors apart.
"""

STYLE: Final = f"<style>{CSS}</style>"
