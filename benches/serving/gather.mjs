async function same(x) { await null; return x; }
const made = [];
for (let i = 0; i < 1000000; i++) made.push(same(i));
let sum = 0;
for (const value of await Promise.all(made)) sum += value;
console.log(sum);
