/** What tests read out of Markdown pages. */

export interface Block {
  readonly title: string;
  readonly text: string;
}

/** Fenced blocks that name the file they are: ```` ```ts title="app.ts" ````. */
export function titledBlocks(page: string): Block[] {
  const blocks = page.matchAll(/^```\w+ title="([^"]+)"\n(.*?)^```$/gms);
  return [...blocks].map(([, title = '', text = '']) => ({ title, text }));
}

/** Targets of links, without those of other sites. */
export function localLinks(page: string): string[] {
  const prose = page.replaceAll(/^```.*?^```$/gms, '').replaceAll(/`[^`\n]*`/g, '`code`');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors of a page's headings, as the usual renderers make them. */
export function anchors(page: string): string[] {
  const prose = page.replaceAll(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}
