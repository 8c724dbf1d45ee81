"""The page that `vasolib.report` fills: one file, no script, nothing loaded from elsewhere."""

__all__ = ["PAGE"]

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>VasoMIM reproduced: {{ facts["run"] }}</title>
<style>
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; max-width: 72rem;
       margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.25rem; line-height: 1.3; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 1rem; }
dt { color: #555; }
dd { margin: 0; overflow-wrap: anywhere; }
.provenance { color: #555; font-size: 0.8rem; margin: 0 0 0.75rem; overflow-wrap: anywhere; }
.note { max-width: 45rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.6rem; text-align: right; white-space: nowrap; }
thead th { border-bottom: 1px solid #999; }
thead th[colspan] { text-align: center; }
tbody tr { border-bottom: 1px solid #e4e4e4; }
th:first-child, .words { text-align: left; }
td.start, th.start { border-left: 1px solid #ccc; }
.wide th:first-child { position: sticky; left: 0; background: #fff; }
tbody th { font-weight: 600; }
img { max-width: 100%; height: auto; display: block; }
nav ol { columns: 18rem; column-gap: 2.5rem; padding-left: 1.5rem; }
a { color: #0b5394; }
@page { size: A4 landscape; margin: 12mm; }  /* the widest table has a column for each value */
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .wide { overflow: visible; }
  table { font-size: 6.5pt; }
  th, td { padding: 1pt 2.5pt; white-space: normal; }
  .wide th:first-child { position: static; }
  h2 { break-after: avoid; }
  img, tr { break-inside: avoid; }
  img { max-height: 16cm; width: auto; }
  nav { display: none; }
}
</style>
</head>
<body>
<h1>VasoMIM reproduced: {{ facts["run"] }}</h1>
<p class="note">What the papers published stands beside what this run measured. Published values belong to the
data sets named beside ours; where data or scale are not the papers', a difference may come from these.</p>
<dl>
{%- for name, value in facts.items() %}
<dt>{{ name }}</dt><dd>{{ value }}</dd>
{%- endfor %}
</dl>
<nav><ol>
{%- for section in sections %}
<li><a href="#{{ section.anchor }}">{{ section.item.title }}</a></li>
{%- endfor %}
</ol></nav>
{%- for section in sections %}
<section id="{{ section.anchor }}">
<h2>{{ section.item.title }}</h2>
<p class="provenance">{{ section.provenance }}</p>
{%- if section.item.kind == "figure" %}
<img src="{{ section.image }}" alt="{{ section.item.title }}">
{%- else %}
<div class="wide" tabindex="0"><table>
<thead>
{%- for row in section.grid.header %}
<tr>
{%- for cell in row %}<th
 {%- if cell.span > 1 %} colspan="{{ cell.span }}"{% endif %}
 {%- if cell.start or cell.words %} class="{{ 'words' if cell.words else 'start' }}"{% endif %}>
 {{- cell.text }}</th>
{%- endfor %}</tr>
{%- endfor %}
</thead>
<tbody>
{%- for row in section.grid.body %}
<tr>
{%- for cell in row %}
{%- if loop.first %}<th scope="row">{{ cell.text }}</th>
{%- else %}<td class="{{ 'words' if cell.words }}{{ ' start' if cell.start }}">{{ cell.text }}</td>
{%- endif %}
{%- endfor %}</tr>
{%- endfor %}
</tbody>
</table></div>
{%- endif %}
<p class="note">{{ section.item.note }}</p>
</section>
{%- endfor %}
</body>
</html>
"""
