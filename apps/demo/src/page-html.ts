/** What a browser shows: names come from anybody, so they are text and never markup. */
export const pageHtml = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Tally</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; }
  td { border-bottom: 1px solid #8884; padding: 0.25rem 0; }
  td:last-child { text-align: right; font-variant-numeric: tabular-nums; }
</style>
<h1>Tally</h1>
<p id="state">connecting …</p>
<main></main>
<script>
  const main = document.querySelector('main');
  const state = document.querySelector('#state');
  const live = new EventSource('/live');
  live.onerror = () => (state.textContent = 'connecting again …');
  live.onmessage = ({ data }) => {
    state.textContent = new Date().toLocaleTimeString();
    main.replaceChildren(
      ...Object.entries(JSON.parse(data)).flatMap(([kind, metrics]) => {
        const rows = Object.entries(metrics).sort(([a], [b]) => (a < b ? -1 : 1));
        if (rows.length === 0) return [];
        const title = document.createElement('h2');
        title.textContent = kind;
        const table = document.createElement('table');
        for (const [name, value] of rows) {
          const row = table.insertRow();
          row.insertCell().textContent = name;
          row.insertCell().textContent = Array.isArray(value) ? value.length + ' timings' : value;
        }
        return [title, table];
      }),
    );
  };
</script>
</html>
`;
