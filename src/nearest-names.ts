/** The Levenshtein distance of two strings. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The names most like a misspelt one, best first: those that contain it, then by edit distance. */
export function nearestNames(name: string, names: Iterable<string>, count = 3): readonly string[] {
  const wanted = name.toLowerCase();
  const ranked = [...new Set(names)].map((candidate) => {
    const text = candidate.toLowerCase();
    const contained = text.includes(wanted) || wanted.includes(text);
    return {
      candidate,
      distance: contained ? Math.abs(text.length - wanted.length) / 1000 : editDistance(wanted, text),
    };
  });
  return ranked
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}
