"""The page that `vasolib.report` fills: one file, no script, nothing loaded from elsewhere."""

__all__ = ["PAGE"]

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>VasoMIM, re-run: {{ facts["run"] }}</title>
<style>
:root { color-scheme: light; }
body { font: 16px/1.45 system-ui, sans-serif; color: #1b1b1b; background: #fff; max-width: 76rem;
       margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 0.5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.5rem; line-height: 1.3; }
.opening h2 { font-size: 1.1rem; margin: 1rem 0 0.2rem; }
h3 { font-size: 1rem; font-weight: 600; margin: 0; display: inline; }
p { margin: 0.3rem 0 0.6rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 1rem; }
dt { color: #555; }
dd { margin: 0; overflow-wrap: anywhere; }
.provenance { color: #555; font-size: 0.75rem; overflow-wrap: anywhere; }
.note { max-width: 48rem; font-size: 0.9rem; }
.intro { font-size: 0.9rem; }
.counts { font-size: 1.1rem; }
.counts span { display: inline-block; margin-right: 1.25rem; }
.wide { overflow-x: auto; margin: 0.4rem 0; }
table { border-collapse: collapse; font-size: 0.8rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
th, td { padding: 0.18rem 0.45rem; text-align: right; white-space: nowrap; }
thead th { border-bottom: 1px solid #999; vertical-align: bottom; white-space: normal; }
thead th[colspan] { text-align: center; }
tbody tr { border-bottom: 1px solid #e4e4e4; }
th:first-child, .words { text-align: left; }
tbody .words { white-space: normal; min-width: 5rem; max-width: 30rem; }
tbody th { font-weight: 600; }
td.start, th.start { border-left: 1px solid #ccc; }
.wide th:first-child { position: sticky; left: 0; background: #fff; }
.wide th.claim { position: static; background: #f0f0f0; max-width: none; }
.published { color: #666; font-weight: 400; }
.best { font-weight: 700; color: #000; }
.reproduced, .not-reproduced, .inconclusive, .not-tested { color: #555; font-weight: 600; }
.reproduced { color: #00568a; }
.not-reproduced { color: #a84300; }
tbody .reproduced, tbody .not-reproduced, tbody .inconclusive, tbody .not-tested { white-space: nowrap; }
img { max-width: 100%; height: auto; display: block; margin: 0.4rem 0; }
details { border-top: 1px solid #ddd; padding: 0.35rem 0; }
summary { cursor: pointer; }
summary:hover { background: #f5f5f5; }
@media screen and (min-width: 68rem) {
  .opening { display: grid; grid-template-columns: 49rem minmax(0, 1fr); column-gap: 2rem; align-items: start; }
  .opening section { grid-column: 1; }
  .opening #fig3a-svg { grid-column: 2; grid-row: 1; }
  .opening .note { max-width: 42rem; }
}
@page { size: A4 landscape; margin: 12mm; }  /* the widest table has a column for each value */
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .wide { overflow: visible; }
  table { font-size: 7pt; }
  th, td { padding: 1pt 2.5pt; white-space: normal; }
  .wide th:first-child { position: static; }
  h2, summary, .provenance { break-after: avoid; }
  img, tr { break-inside: avoid; }
  img { max-height: 16cm; width: auto; }
  .opening img { max-height: 7cm; }
  details::details-content { content-visibility: visible; }  /* where a browser knows it, all is printed */
}
</style>
</head>
<body>
{%- macro classes(look) %}{% if look.strip() %} class="{{ look.strip() }}"{% endif %}{% endmacro %}
{%- macro spans(cell) %}{% if cell.span > 1 %} colspan="{{ cell.span }}"{% endif %}{% endmacro %}
{%- macro content(section) %}
<p class="provenance">{{ section.provenance }}</p>
{%- if section.counts %}
<p class="counts">{% for look, text in section.counts %}<span class="{{ look }}">{{ text }}</span>{% endfor %}</p>
{%- endif %}
{%- if section.image %}
<img src="{{ section.image }}" alt="{{ section.item.title }}">
{%- elif section.text %}
<p>{{ section.text }}</p>
{%- else %}
<div class="wide" tabindex="0"><table>
<thead>
{%- for row in section.grid.header %}
<tr>{% for cell in row %}<th{{ spans(cell) }}{{ classes(cell.look) }}>{{ cell.text }}</th>{% endfor %}</tr>
{%- endfor %}
</thead>
<tbody>
{%- for row in section.grid.body %}
<tr>{% for cell in row %}
{%- if loop.first %}<th scope="row"{{ spans(cell) }}{{ classes(cell.look) }}>{{ cell.text }}</th>
{%- else %}<td{{ classes(cell.look) }}>{{ cell.text }}</td>
{%- endif %}
{%- endfor %}</tr>
{%- endfor %}
</tbody>
</table></div>
{%- endif %}
{%- if section.item.note %}
<p class="note">{{ section.item.note }}</p>
{%- endif %}
{%- endmacro %}
<h1>VasoMIM, re-run: {{ facts["run"] }}</h1>
<p>{{ run }}</p>
<p class="intro">What the papers published stands beside what this run measured. Published values belong to the
data sets named with them; where data or scale are not the papers', compare the order of methods, not the levels.</p>
<main class="opening">
{%- for section in opening %}
<section id="{{ section.anchor }}">
<h2>{{ section.item.title }}</h2>
{{- content(section) }}
</section>
{%- endfor %}
</main>
{%- for name, sections in groups.items() %}
<h2>{{ name }}</h2>
{%- for section in sections %}
<details id="{{ section.anchor }}">
<summary><h3>{{ section.item.title }}</h3></summary>
{{- content(section) }}
</details>
{%- endfor %}
{%- endfor %}
<details>
<summary><h3>What was run, on what</h3></summary>
<dl>
{%- for name, value in facts.items() %}
<dt>{{ name }}</dt><dd>{{ value }}</dd>
{%- endfor %}
</dl>
</details>
</body>
</html>
"""
