async function same(x) { return x; }
let sum = 0;
for (let i = 0; i < 1000000; i++) sum += await same(i);
console.log(sum);
