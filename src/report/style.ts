/**
 * @file The page's stylesheet: one constant, because the content security policy allows it by its hash. System fonts,
 * light and dark, print. Series colours are Okabe and Ito's (2008), told apart by all common kinds of colour blindness.
 */

/** Content of the page's only `<style>` element. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--faint:#eef1f4;--paper:#fff;--raised:#f8f9fb;--link:#0a58b5;
--warn:#8a5a00;--warn-bg:#fff8e6;--bad:#a8200d;--bad-bg:#fdf0ee;--good:#0f6b45;--good-bg:#edf8f2;
--s0:#6b7480;--s1:#c75300;--s2:#0068a8;--s3:#00805a;--s4:#a8477f}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ec;--soft:#9aa5b1;--line:#353c45;--faint:#23292f;--paper:#14181c;--raised:#1a1f25;--link:#7ab7ff;
--warn:#f0bc54;--warn-bg:#2a2315;--bad:#ff9183;--bad-bg:#2e1b19;--good:#69d3a1;--good-bg:#14271f;
--s0:#a3adb8;--s1:#f08a3c;--s2:#5ab3ee;--s3:#2fc08f;--s4:#e08fbd}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
main,header,footer{max-width:66rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:2.5rem}
h1{font-size:1.75rem;line-height:1.2;letter-spacing:-.015em;margin:.15rem 0 1.1rem;overflow-wrap:anywhere;text-wrap:balance}
h2{font-size:1.2rem;letter-spacing:-.01em;margin:2.75rem 0 .35rem;padding-top:1.1rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:1.6rem 0 .4rem}
p{margin:.35rem 0 .8rem;max-width:46rem}
a{color:var(--link)}
code,.hash{font:.875em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.over{color:var(--soft);font-size:.875rem;margin:0}
.soft,caption,figcaption{color:var(--soft)}
.small,figcaption,caption{font-size:.875rem}
.verdict{border:1px solid var(--line);border-left:5px solid var(--warn);background:var(--warn-bg);border-radius:6px;padding:.85rem 1.1rem;margin:0 0 1rem}
.verdict p{max-width:none;margin:.1rem 0 0}.verdict strong{font-size:1.1rem;color:var(--warn)}
.verdict.serve{border-left-color:var(--good);background:var(--good-bg)}.verdict.serve strong{color:var(--good)}
.verdict.do-not-serve{border-left-color:var(--bad);background:var(--bad-bg)}.verdict.do-not-serve strong{color:var(--bad)}
.verdict.none{border-left-color:var(--soft);background:var(--raised)}.verdict.none strong{color:var(--ink)}
.notes{margin:.5rem 0 0;padding-left:1.15rem}
.note{border-left:3px solid var(--line);padding:.1rem 0 .1rem .9rem}
nav{margin:1rem 0 0;font-size:.9375rem;display:flex;flex-wrap:wrap;gap:.25rem 1.1rem}
figure{margin:1rem 0 0}
figcaption{margin-top:.5rem;max-width:46rem}
svg{display:block;overflow:visible}
svg text{font-size:12px;fill:var(--soft)}
svg .name{font-size:13px;font-weight:600}
.grid{stroke:var(--faint)}.axis{stroke:var(--soft)}
.error{stroke-width:1.75;opacity:.65}.whisker{stroke:var(--ink);stroke-width:1.25}
.fill{opacity:.55}.dot{stroke:var(--paper);stroke-width:1.25}.dial{stroke-width:2}.s0 .dial{stroke:var(--s0)}.s2 .dial{stroke:var(--s2)}.s1 .dial{stroke:var(--s1)}
.dot.s0,.fill.s0,text.s0{fill:var(--s0)}.dot.s1,.fill.s1,text.s1{fill:var(--s1)}.dot.s2,.fill.s2,text.s2{fill:var(--s2)}.dot.s3,.fill.s3,text.s3{fill:var(--s3)}.dot.s4,.fill.s4,text.s4{fill:var(--s4)}
.s0 .error{stroke:var(--s0)}.s1 .error{stroke:var(--s1)}.s2 .error{stroke:var(--s2)}.s3 .error{stroke:var(--s3)}.s4 .error{stroke:var(--s4)}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.25rem;list-style:none;margin:.75rem 0 0;padding:0;font-size:.9375rem}
.key{display:inline-flex;align-items:baseline;gap:.4rem}.mark{flex:none;align-self:center}
.bars{display:grid;grid-template-columns:minmax(9rem,13rem) 1fr 9.75rem;column-gap:1rem;align-items:start;margin-top:.6rem}
.bars>*{padding:.4rem 0;border-top:1px solid var(--faint)}
.bars .values,td.num,th.num{font-variant-numeric:tabular-nums}
.bars .values{font-size:.8125rem;line-height:16px}
.bars .values div{white-space:nowrap}.bars .values span{color:var(--soft)}
.bars .set{font-size:.9375rem;line-height:1.3;overflow-wrap:anywhere}.bars .scale{border:0;padding:0}
.scroll{overflow-x:auto;margin:.75rem 0}
table{border-collapse:collapse;width:100%;font-size:.875rem;line-height:1.4}
caption{text-align:left;padding:.1rem 0 .45rem}.scroll+.scroll{margin-top:1.75rem}
th,td{padding:.35rem .8rem .35rem 0;text-align:left;vertical-align:baseline}
thead th{font-weight:600;color:var(--soft);border-bottom:1px solid var(--line);white-space:nowrap}
tbody tr.first{border-top:1px solid var(--line)}tbody tr:first-child{border-top:0}table{border-bottom:1px solid var(--line)}tbody th{font-weight:500;white-space:nowrap}td .hash{white-space:nowrap}#setup td:nth-child(2),#setup td:nth-child(3){min-width:11rem;overflow-wrap:anywhere}
td.num,th.num{text-align:right;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.25rem;margin:.6rem 0;font-size:.9375rem}
dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}
dl.method{margin:.6rem 0;font-size:.9375rem}dl.method dt{font-weight:600;margin-top:.7rem}dl.method dd{margin:0;max-width:52rem}
button,input,select{font:inherit;font-size:.9375rem;color:inherit;background:var(--paper);border:1px solid var(--line);border-radius:5px;padding:.35rem .65rem;min-height:2.25rem;max-width:100%}
button{cursor:pointer;background:var(--raised)}button:hover{border-color:var(--soft)}
button.link{all:unset;cursor:pointer;color:var(--link);text-decoration:underline;text-underline-offset:2px}button.link:focus-visible{outline:2px solid var(--link);outline-offset:2px}
button.sort{all:unset;cursor:pointer}button.sort:hover{text-decoration:underline}button.sort:focus-visible{outline:2px solid var(--link);outline-offset:2px}
button.sort::after{content:" \\2195";color:var(--soft);font-weight:400}[aria-sort=ascending] button.sort::after{content:" \\2191";color:var(--link)}[aria-sort=descending] button.sort::after{content:" \\2193";color:var(--link)}
#worse details{margin-top:1rem}#worse summary{cursor:pointer;font-size:.9375rem}#differences td:nth-child(2){white-space:nowrap}
.change{display:block;color:var(--soft);font-size:.8125rem;font-weight:400}.change b{color:var(--ink);font-weight:600}
button[aria-pressed=true]{border-color:var(--link);color:var(--link)}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.tools{display:flex;flex-wrap:wrap;gap:.6rem;align-items:end;margin:.9rem 0 .5rem}
.tools label{display:grid;gap:.15rem;font-size:.8125rem;color:var(--soft)}.tools label>*{color:var(--ink)}.tools .grow{flex:1 1 14rem}
.answers details{border-top:1px solid var(--line);content-visibility:auto;contain-intrinsic-size:auto 2.6rem}
.answers details:last-child{border-bottom:1px solid var(--line)}
.answers summary{padding:.5rem .25rem;cursor:pointer;display:flex;flex-wrap:wrap;gap:.15rem 1rem;align-items:baseline;font-size:.9375rem;list-style:none}
.answers summary::-webkit-details-marker{display:none}
.answers summary::before{content:"\\25b8";color:var(--soft);width:.7rem}
.answers details[open] summary::before{content:"\\25be"}
.answers summary:hover{background:var(--raised)}
.answers summary .id{min-width:13rem;overflow-wrap:anywhere}.answers summary .set{min-width:11rem;color:var(--soft)}
.chips{display:inline-flex;flex-wrap:wrap;gap:.1rem .9rem}.chip{font-size:.875rem;display:inline-flex;gap:.3rem;align-items:baseline}
.chip b{font-weight:600}.chip.refused b{text-decoration:underline;text-decoration-thickness:2px;text-underline-offset:3px}
.body{padding:.1rem .25rem 1.1rem 1.4rem}
.text{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;background:var(--raised);border-radius:5px;padding:.55rem .75rem;font-size:.9375rem;line-height:1.5;max-height:24rem;overflow:auto}
.role{font-size:.8125rem;color:var(--soft);margin:.65rem 0 .2rem;max-width:none}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));gap:0 1rem}
footer{color:var(--soft);font-size:.875rem;padding-bottom:3rem;margin-top:2.5rem}
@media (max-width:40rem){main,header,footer{padding-left:1rem;padding-right:1rem}header{padding-top:1.4rem}h1{font-size:1.4rem}
.bars{grid-template-columns:1fr 9.3rem;column-gap:.75rem}.bars .set{grid-column:1/-1;padding-bottom:0}.bars .set~.chart,.bars .set~.values{border-top:0}.bars .scale.set{display:none}
.bars .chart,.bars .values{padding-top:.15rem}.answers summary .id,.answers summary .set{min-width:0}.chips{flex-basis:100%;padding-left:1.4rem}.body{padding-left:.25rem}dl.facts{grid-template-columns:1fr;gap:0}dl.facts dd{margin-bottom:.45rem}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#bbb;--faint:#e5e5e5;--paper:#fff;--raised:#fff;--link:#000;--warn:#000;--warn-bg:#fff;--bad:#000;--bad-bg:#fff;--good:#000;--good-bg:#fff;--s0:#6b7480;--s1:#c75300;--s2:#0068a8;--s3:#00805a;--s4:#a8477f}
body{font-size:10pt}table{font-size:7.5pt}th,td{padding-right:.4rem}main,header,footer{max-width:none;padding:0}nav,#answers,.script{display:none!important}h2{break-after:avoid}figure,tr,.bars>*{break-inside:avoid}.scroll{overflow:visible}thead th,tbody th,td.num,th.num,#differences td:nth-child(2){white-space:normal}.change{font-size:inherit}button.sort::after{content:none}}
`;
