// Fronts of two or three metrics, and what noise leaves open.

/** Rows of a set that no other one dominates: none is at least as good in every column and better in one. */
function frontOf(on, rows) {
  const known = rows.filter((row) => on.every((column) => column.values[row] === column.values[row]));
  const score = (column, row) => column.sign * column.values[row];
  known.sort((a, b) => {
    for (const column of on) {
      const gap = score(column, b) - score(column, a);
      if (gap) return gap;
    }
    return a - b;
  });
  const front = [];
  for (const row of known) {
    if (!front.some((other) => dominates(on, other, row))) front.push(row);
  }
  return front;
}

function dominates(on, first, second) {
  let better = false;
  for (const column of on) {
    const gap = column.sign * (column.values[first] - column.values[second]);
    if (gap < 0) return false;
    if (gap > 0) better = true;
  }
  return better;
}

/** Rows of a set off the front that noise could put there: one noise deviation more in every metric would. */
function withinNoise(on, rows, front) {
  const onFront = new Set(front);
  return rows.filter((row) => {
    if (onFront.has(row)) return false;
    const raised = on.map((column) => {
      const noise = noiseAt(column, column.values[row]);
      return column.sign * column.values[row] + (noise > 0 ? noise : 0);
    });
    if (raised.some((value) => value !== value)) return false;
    return !front.some((other) => {
      let better = false;
      for (let k = 0; k < on.length; k += 1) {
        const gap = on[k].sign * on[k].values[other] - raised[k];
        if (gap < 0) return false;
        if (gap > 0) better = true;
      }
      return better;
    });
  });
}
