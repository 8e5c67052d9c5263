import { openBrowser } from "./tests/browser/chromium.ts";
import { serveFolder } from "./src/cli/static-server.ts";
const server=await serveFolder("dist/studio");
const [which="compare"]=process.argv.slice(2);
const sizes={"1440":{width:1440,height:1000},"768":{width:768,height:1024},"360":{width:360,height:780}};
const b=await openBrowser();
const logs=[];
for (const [n,size] of Object.entries(sizes)) for (const scheme of process.env.SCHEMES?.split(",")??["light","dark"]) {
  const p=await b.context.newPage(); p.on("console",m=>logs.push(m.type()+": "+m.text())); p.on("pageerror",e=>logs.push("ERR "+e.message));
  p.on("requestfailed",r=>logs.push("failed "+r.url()));
  await p.setViewportSize(size); await p.emulateMedia({colorScheme:scheme});
  const t=Date.now();
  await p.goto(server.url);
  await p.waitForSelector(".legend",{timeout:60000}); console.log(n,scheme,"first map",Date.now()-t);
  await p.waitForFunction(()=>document.querySelectorAll(".tile").length>=4 && ![...document.querySelectorAll(".tile .work")].length && document.querySelector(".dot.proven"),{timeout:60000}).catch(e=>console.log("wait",e.message));
  for (const tab of which.split(",")) { if(tab!=="compare"){ await p.click("#tab-"+tab); await p.waitForTimeout(tab==="removal"?6000:1500);} 
  await p.screenshot({path:`/tmp/shots/${tab}-${n}-${scheme}.png`,fullPage:true}); }
  await p.close();
}
console.log([...new Set(logs)].join("\n"));
await b.close(); await server.close();
