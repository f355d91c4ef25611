// The page's look: paper and ink, one colour per person, green and red only for what is safe and what is not.

/** The style sheet; holds no data. */
export const style = `
:root{color-scheme:light dark;--paper:#f5f3ee;--card:#fffefb;--ink:#22262b;--muted:#686e76;--line:#e2ddd2;--soft:#f0ece3;
--alice:#2a63a6;--alice-soft:#d6e4f4;--bob:#b1571c;--bob-soft:#f6e1d0;--good:#1c7549;--good-soft:#dcefe3;--bad:#b3261e;--bad-soft:#fbe3e0;--ring:#8156a8}
@media (prefers-color-scheme:dark){:root{--paper:#121519;--card:#1a1e24;--ink:#e7e4dd;--muted:#979da6;--line:#2f353d;--soft:#22272e;
--alice:#82b6f2;--alice-soft:#22364e;--bob:#efa26d;--bob-soft:#4a3122;--good:#6bcb9b;--good-soft:#173628;--bad:#ff8a80;--bad-soft:#45201e;--ring:#b892dd}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1072px;margin:0 auto;padding:28px 18px 48px}
h1{font-size:clamp(1.55rem,4.6vw,2.4rem);line-height:1.18;letter-spacing:-.015em;margin:.25em 0 .35em;text-wrap:balance;max-width:24em}
h2{font-size:1.15rem;margin:0 0 .2em}h3{font-size:1rem;margin:0 0 .3em}h4{font-size:.85rem;margin:1.2em 0 .3em}
p{margin:.3em 0}.nowrap{white-space:nowrap}.muted{color:var(--muted)}.small{font-size:.84rem}.good{color:var(--good)}.bad{color:var(--bad)}
.brand{display:flex;align-items:center;gap:.6em;font-weight:650;letter-spacing:.04em}
.seal{display:inline-flex;align-items:center;gap:.45em;padding:.22em .75em;border-radius:99px;font-size:.85rem;font-weight:600;letter-spacing:0;background:var(--good-soft);color:var(--good)}
.seal.bad{background:var(--bad-soft);color:var(--bad)}.seal svg{width:1em;height:1em;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.problems{margin:.4em 0 1em;padding:.7em 1em .7em 2.1em;background:var(--bad-soft);color:var(--bad);border-radius:10px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(148px,1fr));gap:10px;margin:18px 0 4px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:12px 14px}
.tile b{display:block;font-size:1.5rem;line-height:1.2;font-weight:650;letter-spacing:-.01em;font-variant-numeric:tabular-nums}
.tile span{color:var(--muted);font-size:.84rem}
section{background:var(--card);border:1px solid var(--line);border-radius:16px;padding:20px 22px;margin-top:16px}
section>p.muted:first-of-type{margin-bottom:.9em}
.warning{background:var(--bad);color:#fff;padding:.8em 1em;border-radius:10px;margin:0 0 1em}
@media (prefers-color-scheme:dark){.warning{color:#2a0b09}}
.facts{display:flex;flex-wrap:wrap;gap:10px 36px;margin:.6em 0 1.1em}.facts div{min-width:9em}
dt{color:var(--muted);font-size:.84rem}dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.peers{display:grid;grid-template-columns:repeat(auto-fit,minmax(260px,1fr));gap:14px}
.peer{background:var(--soft);border-radius:12px;padding:14px 16px;overflow-wrap:anywhere}
.identity{font-size:1.12rem;font-weight:650}
.who.alice{color:var(--alice)}.who.bob{color:var(--bob)}
code,pre{font:.82rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{background:var(--soft);border-radius:10px;padding:12px 14px;overflow-x:auto;margin:.3em 0}
summary{cursor:pointer;color:var(--muted);font-size:.88rem;padding:.25em 0}details{margin-top:.4em}
table{border-collapse:collapse;width:100%;font-size:.92rem}caption{text-align:left;color:var(--muted);font-size:.84rem;padding:0 0 .3em}
th,td{text-align:left;padding:.45em .6em;border-top:1px solid var(--line);vertical-align:top;font-weight:400}
thead th{border-top:0;color:var(--muted);font-size:.84rem}thead th.who{font-weight:650}
thead th.who.alice{color:var(--alice)}thead th.who.bob{color:var(--bob)}
tbody th span{display:block}.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td.number{font-weight:600}
.figures td.number{white-space:normal}
.steps{margin-top:18px}.steps th,.steps td{padding-top:.3em;padding-bottom:.35em}.steps .id{white-space:nowrap;font-weight:650}.steps .who{font-weight:600}
.bar{display:block;height:4px;border-radius:2px;margin-top:4px;background:var(--alice)}.bar.bob{background:var(--bob)}
.direction+.direction{margin-top:26px;padding-top:20px;border-top:1px solid var(--line)}
footer{margin-top:22px;color:var(--muted);font-size:.84rem;overflow-wrap:anywhere}
svg.wide,svg.narrow{width:100%;height:auto;display:block;overflow:visible}svg.narrow{display:none}
@media (max-width:640px){main{padding:20px 10px 36px}section{padding:16px 12px;border-radius:14px}svg.wide{display:none}svg.narrow{display:block}
.tiles{grid-template-columns:1fr 1fr}th,td{padding:.45em .3em}.steps .who{display:none}.steps thead th:nth-child(2){display:none}}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;fill:var(--ink);font-variant-numeric:tabular-nums}
svg text.axis{fill:var(--muted);font-size:11px}svg text.muted{fill:var(--muted)}svg text.panel{font-weight:650;font-size:13px}
svg text.lane{fill:var(--muted)}svg text.who{font-weight:650;font-size:13px}svg text.who.alice{fill:var(--alice)}svg text.who.bob{fill:var(--bob)}
.tick,.row{stroke:var(--line);stroke-width:1}.tick{stroke:var(--muted);opacity:.6}
.limit{stroke:var(--muted);stroke-width:1;stroke-dasharray:2 3;opacity:.75}
.dimension line,.dimension path{stroke:var(--ink);fill:none;stroke-width:1.1}svg .dimension text{font-weight:650}
.block rect{fill:var(--alice)}.block.bob rect{fill:var(--bob)}.block.parallel rect{fill:var(--alice-soft);stroke:var(--alice);stroke-dasharray:3 2}
.block.bob.parallel rect{fill:var(--bob-soft);stroke:var(--bob)}.leader{stroke:var(--muted);stroke-width:.8;opacity:.7}
.cut{fill:none;stroke:var(--card);stroke-width:2.5}
.message line{stroke:var(--alice);stroke-width:1.6}.message .head{fill:var(--alice)}.message.bob line{stroke:var(--bob)}.message.bob .head{fill:var(--bob)}
svg text.halo{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
.message.again{opacity:.6}.message.lost line{stroke-dasharray:5 4}.cross{stroke:var(--bad);stroke-width:2;fill:none}
svg .message text.name{font-weight:650}svg .message text.time{fill:var(--muted);font-size:11px}
rect.actor{fill:var(--alice-soft)}rect.actor.bob{fill:var(--bob-soft)}svg text.actor{font-weight:650;fill:var(--alice)}svg text.actor.bob{fill:var(--bob)}
.life{stroke:var(--line);stroke-width:2}.pause rect{fill:var(--soft)}svg .pause text{fill:var(--muted)}
.callout line{stroke:var(--muted);stroke-width:1;opacity:.7}svg .callout text{fill:var(--muted)}
.wave{fill:none;stroke:var(--muted);opacity:.5}
.phase rect{fill:var(--soft)}.phase.calling rect{fill:var(--alice)}.phase.answering rect{fill:var(--bob)}.phase.talking rect{fill:var(--good-soft)}
.open .phase.talking rect{fill:var(--bad-soft)}
.phase.ringer rect{fill:var(--ring)}.phase.vibrator rect{fill:var(--ring);opacity:.42}svg .phase.ringer text{fill:var(--card);font-weight:600}
.wave-fill{fill:var(--alice)}.wave-fill.bob{fill:var(--bob)}.wave-fill.heard{opacity:.78}
.track{fill:var(--soft)}.track-line{fill:none;stroke:var(--muted);stroke-width:1.2}.track-dot{fill:var(--ink)}
@media print{body{background:#fff}section,.tile{break-inside:avoid}}
`;
