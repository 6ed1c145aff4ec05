function female(n) {
  if (n === 0) return 1;
  return n - male(female(n - 1));
}

function male(n) {
  if (n === 0) return 0;
  return n - female(male(n - 1));
}

let sum = 0;
for (let n = 0; n < 75; n++) {
  sum += female(n) - male(n) + (n % 7) * male(Math.floor(n / 2));
}
console.log(sum);
