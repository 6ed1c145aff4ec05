function place(row, n, rows, ups, downs) {
  if (row === n) return 1;
  let found = 0;
  for (let column = 0; column < n; column++) {
    if (!rows[column] && !ups[row + column] && !downs[row - column + n - 1]) {
      rows[column] = true;
      ups[row + column] = true;
      downs[row - column + n - 1] = true;
      found += place(row + 1, n, rows, ups, downs);
      rows[column] = false;
      ups[row + column] = false;
      downs[row - column + n - 1] = false;
    }
  }
  return found;
}

const flags = (n) => new Array(n).fill(false);

for (let n = 4; n < 12; n++) {
  console.log(`${n}: ${place(0, n, flags(n), flags(2 * n), flags(2 * n))}`);
}
