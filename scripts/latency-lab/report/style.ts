// The report's look: the demo's paper and ink, a colour for each method.

import { style } from "../../demo-report/page/style.js";

/** The style sheet; holds no data. */
export const labStyle = `${style}
:root{--none:#6f7682;--psk:#3b7d6e;--dh:#2a63a6;--dhhmac:#6a8f2f;--pke:#b1571c;--rsa-r:#8156a8;--peer:#a08a3c}
@media (prefers-color-scheme:dark){:root{--none:#a3aab5;--psk:#6fc2ae;--dh:#82b6f2;--dhhmac:#abcf6a;--pke:#efa26d;--rsa-r:#c3a2e6;--peer:#d9c473}}
.grid{stroke:var(--line);stroke-width:1}
.box rect{fill:currentColor;opacity:.28}.box .whisker{stroke:currentColor;stroke-width:1.2;opacity:.8}.box .median{stroke:currentColor;stroke-width:3}
.box .dot{fill:currentColor;opacity:.38}svg .box text{fill:var(--ink)}svg .box text.value{font-weight:650}
.box.none{color:var(--none)}.box.psk{color:var(--psk)}.box.dh{color:var(--dh)}.box.dhhmac{color:var(--dhhmac)}.box.pke{color:var(--pke)}.box.rsa-r{color:var(--rsa-r)}.box.peer{color:var(--peer)}
.plot+.plot{margin-top:20px}.scroll{overflow-x:auto}.paper{table-layout:fixed;min-width:620px}.paper thead th:first-child{width:26%}.scroll+.scroll{margin-top:22px}.paper td,.paper th{padding:.35em .5em}.paper td.number{font-weight:400}.paper td.total{font-weight:650}
.paper tr.ours td,.paper tr.ours th{background:var(--soft)}.paper tr.first th,.paper tr.first td{border-top:2px solid var(--line)}
.paper td.span,.paper td.number.span{text-align:center}.verdict{font-weight:650;white-space:nowrap}.matrix td{white-space:nowrap}.matrix .ratio{color:var(--muted);font-size:.82rem}
.matrix .ratio.good{color:var(--good)}.matrix .ratio.bad{color:var(--bad)}.tile.bad b{color:var(--bad)}.tile.good b{color:var(--good)}
.case summary{color:var(--ink);font-weight:600}details.case{border-top:1px solid var(--line);padding:.3em 0;margin:0}details.case[open]{padding-bottom:14px}
nav{display:flex;flex-wrap:wrap;gap:4px 16px;margin:14px 0 0;font-size:.9rem}a{color:var(--alice)}ul.plain{padding-left:1.2em;margin:.4em 0}
.targets td:first-child{width:4.5em}@media (max-width:640px){.targets .detail{display:none}.paper{font-size:.8rem}.matrix{font-size:.82rem}}
`;
