/**
 * Reads and applies unified diffs, so that nothing but Node is needed for it.
 *
 * The text before the first `diff --git` says what the change is. A hunk is
 * found by its lines, not by its numbers, and has to be found exactly once:
 * so a patch follows its file while lines come and go above, and is refused
 * when it could mean two places.
 */

/** `{ about, files: [{ path, hunks: [{ before, after, at }] }] }`; paths are those of the new side. */
export function parsePatch(text) {
  const [about, ...sections] = text.split(/^(?=diff --git )/m);
  return { about: about.trim(), files: sections.map(parseSection) };
}

function parseSection(section) {
  const path = /^\+\+\+ b\/(.+)$/m.exec(section)?.[1];
  if (path === undefined) throw new Error('a section of the patch has no line that begins with +++ b/');
  const [, ...hunks] = section.split(/^(?=@@ )/m);
  return { path, hunks: hunks.map(parseHunk) };
}

function parseHunk(hunk) {
  const [heading, ...lines] = hunk.replace(/\n$/, '').split('\n');
  const before = [];
  const after = [];
  for (const line of lines) {
    const mark = line[0] ?? ' ';
    if (mark !== '+' && mark !== '\\') before.push(line.slice(1));
    if (mark !== '-' && mark !== '\\') after.push(line.slice(1));
  }
  return { before, after, at: heading };
}

/** The text after the hunks. Throws an Error that names the hunk which is not found, or found twice. */
export function applyHunks(text, hunks) {
  let lines = text.split('\n');
  for (const { before, after, at } of hunks) {
    const places = placesOf(before, lines);
    if (places.length !== 1) {
      const found = places.length === 0 ? 'is not there' : `is there ${places.length} times`;
      throw new Error(`what ${at} replaces ${found}`);
    }
    lines = [...lines.slice(0, places[0]), ...after, ...lines.slice(places[0] + before.length)];
  }
  return lines.join('\n');
}

function placesOf(wanted, lines) {
  const places = [];
  for (let at = 0; at + wanted.length <= lines.length; at++)
    if (wanted.every((line, index) => lines[at + index] === line)) places.push(at);
  return places;
}
