/** What the page does by itself: tips under the pointer, and the count of what a reader preferred. */

export const pageStyle = `
body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.5rem;margin-bottom:.3rem}h2{margin-top:2.2rem;font-size:1.2rem}h4{margin:.2rem 0}h5{margin:.2rem 0;color:#555}
.facts{color:#555;font-size:.9rem;margin:.2rem 0}.num{float:right;font-variant-numeric:tabular-nums}
.plots{display:flex;flex-wrap:wrap;gap:1rem}.plots svg{max-width:100%;height:auto}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #e5e5e5;white-space:nowrap}th[scope=row],th:first-child{text-align:left}
small{color:#777}.bar{display:block;position:relative;height:4px;min-width:90px;background:#f0f0f0}
.bar i{position:absolute;height:4px;background:#9cc7e0}.bar u{position:absolute;width:2px;height:8px;top:-2px;background:#0072b2}
.pair,fieldset{border:1px solid #ddd;border-radius:6px;padding:.6rem .9rem;margin:.8rem 0}.two{display:grid;grid-template-columns:1fr 1fr;gap:1.2rem}
.answer{white-space:pre-wrap;overflow-wrap:anywhere;margin:.2rem 0}details{margin:.5rem 0}summary{cursor:pointer;font-weight:600}
.choices label{margin:0 .6rem}#tip{position:fixed;background:#222;color:#fff;padding:.25rem .5rem;border-radius:4px;font-size:.8rem;pointer-events:none;max-width:30rem;z-index:9}
@media(max-width:700px){.two{grid-template-columns:1fr}}`;

export const pageScript = `
const tip=document.getElementById("tip");
for(const title of document.querySelectorAll("svg title")){title.parentNode.setAttribute("data-tip",title.textContent);title.remove()}
document.addEventListener("pointermove",(event)=>{
  const told=event.target.closest?.("[data-tip]");
  tip.hidden=!told;
  if(!told)return;
  tip.textContent=told.getAttribute("data-tip");
  tip.style.left=Math.min(event.clientX+12,innerWidth-tip.offsetWidth-8)+"px";
  tip.style.top=event.clientY+14+"px";
});
const form=document.getElementById("blind");
form?.addEventListener("submit",(event)=>{
  event.preventDefault();
  const [reference,other]=JSON.parse(form.dataset.names);
  const chosen=[...form.querySelectorAll("input:checked")];
  const count=(holds)=>chosen.filter(holds).length;
  const ties=count(({value})=>value==="tie");
  const wins=count(({value,dataset})=>value===dataset.other);
  const n=chosen.length,losses=n-ties-wins;
  if(n===0)return;
  const p=(wins+ties/2)/n,z=1.96,m=1+z*z/n;
  const half=z*Math.sqrt(p*(1-p)/n+z*z/(4*n*n))/m,mid=(p+z*z/(2*n))/m;
  form.querySelector("output").textContent=other+" against "+reference+": "+wins+" wins, "+ties+" ties, "+losses+" losses; win rate "
    +p.toFixed(2)+" ["+Math.max(0,mid-half).toFixed(2)+", "+Math.min(1,mid+half).toFixed(2)+"] (Wilson, 95 %)";
});`;
