async function turns(n) { let sum = 0; for (let i = 0; i < n; i++) { sum += i; await null; } return sum; }
const made = [];
for (let i = 0; i < 1000; i++) made.push(turns(1000));
console.log((await Promise.all(made)).reduce((a, b) => a + b));
