const sleep = milliseconds => new Promise(done => setTimeout(done, milliseconds));
async function sleeper() { await sleep(3600000); }
console.log("none");
await sleep(300);
const made = [];
for (let i = 0; i < 100000; i++) made.push(sleeper());
await sleep(300);
console.log("all sleep");
await Promise.all(made);
