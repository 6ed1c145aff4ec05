function tak(x, y, z) {
  if (y >= x) return z;
  return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}

for (let i = 0; i < 6; i++) {
  console.log(tak(24 + i, 16, 8));
}
