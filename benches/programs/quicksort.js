function quicksort(xs, lo, hi) {
  while (lo < hi) {
    const pivot = xs[Math.floor((lo + hi) / 2)];
    let i = lo;
    let j = hi;
    while (i <= j) {
      while (xs[i] < pivot) i++;
      while (xs[j] > pivot) j--;
      if (i <= j) {
        [xs[i], xs[j]] = [xs[j], xs[i]];
        i++;
        j--;
      }
    }
    if (j - lo < hi - i) {
      quicksort(xs, lo, j);
      lo = i;
    } else {
      quicksort(xs, i, hi);
      hi = j;
    }
  }
}

const xs = [];
let seed = 7;
for (let i = 0; i < 600000; i++) {
  seed = (seed * 16807) % 2147483647;
  xs.push(seed);
}
quicksort(xs, 0, xs.length - 1);
let sum = 0;
for (const x of xs) {
  sum = (sum * 31 + x) % 1000003;
}
console.log(sum);
