/** @file The stylesheet of the labelling page: the reports' own, and what a page to work with on a phone needs besides. */
import { STYLE } from "../style.js";

/** Content of the page's only `<style>` element. */
export const LABELLING_STYLE: string = `${STYLE}
main,header,footer{max-width:46rem}header{padding-top:1.2rem}
[hidden]{display:none!important}
#texts .text{max-height:none}#texts .role{border:0;padding:0;margin:1rem 0 .2rem;font-weight:600}
#bar{padding-top:.6rem}#bar p{display:flex;justify-content:space-between;max-width:none;margin:0 0 .2rem}#place,#done{outline:0}
progress{display:block;width:100%;height:.6rem;accent-color:var(--link)}
#notice:not(:empty){border-left:3px solid var(--bad);color:var(--bad);padding-left:.9rem}
.choices{position:sticky;bottom:0;background:var(--paper);border:0;border-top:1px solid var(--line);margin:1rem 0 0;padding:.6rem 0 calc(.6rem + env(safe-area-inset-bottom))}
.choices legend{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.row{display:flex;flex-wrap:wrap;gap:.5rem;margin:.35rem 0}
.row button{min-height:2.75rem;flex:1 1 4.5rem;padding:.35rem}.choices [data-label]{font-size:1rem;font-weight:600}
kbd{font:.8125em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;border:1px solid var(--line);border-radius:3px;padding:0 .3rem;color:var(--soft)}
@media (pointer:coarse){kbd,.keys{display:none}}
`;
