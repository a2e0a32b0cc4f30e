// Unpacks what experiments/explorer/packing.py packs.

const MISSING = 65535;

async function unpacked() {
  const text = byId("packed").textContent.trim();
  const bytes = Uint8Array.fromBase64
    ? Uint8Array.fromBase64(text)
    : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const content = new Uint8Array(await new Response(stream).arrayBuffer());
  return (name) => {
    const [start, length] = facts.sections[name] ?? [0, 0];
    return content.subarray(start, start + length);
  };
}

/** Numbers of `size` bytes each, stored byte plane by byte plane. */
function planes(bytes, count, size, Type) {
  const found = new Uint8Array(count * size);
  for (let plane = 0; plane < size; plane += 1) {
    const start = plane * count;
    for (let i = 0; i < count; i += 1) found[i * size + plane] = bytes[start + i];
  }
  return new Type(found.buffer);
}

const integers = (bytes) => planes(bytes, bytes.length / 4, 4, Int32Array);

/** The values of all columns, NaN where unknown. */
function decodedColumns(section) {
  const n = facts.n;
  const codings = facts.columns.map((column) => column.coding);
  const small = section("small");
  const nSmall = small.length / (2 * n);
  const codes = new Uint16Array(n);
  const wide = section("wide");
  let place = 0;
  let start = 0;
  return codings.map((coding) => {
    if (coding.kind === "float") {
      const part = wide.subarray(start, start + n * coding.bytes);
      start += part.length;
      return Float64Array.from(planes(part, n, coding.bytes, coding.bytes === 4 ? Float32Array : Float64Array));
    }
    const low = place * n;
    const high = (nSmall + place) * n;
    place += 1;
    const values = new Float64Array(n);
    const factor = coding.kind === "decimal" ? 10 ** coding.digits : 0;
    for (let i = 0; i < n; i += 1) {
      const zigzag = small[low + i] | (small[high + i] << 8);
      codes[i] += (zigzag >> 1) ^ -(zigzag & 1);
      if (codes[i] === MISSING) values[i] = NaN;
      else values[i] = factor ? (codes[i] + coding.low) / factor : coding.values[codes[i]];
    }
    return values;
  });
}
