// The page that shows a timeline. `@data@` stands for its data, as JSON.
#pragma once

namespace deimos::testkit {

inline constexpr const char* timeline_page = R"page(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Timeline</title>
<style>
:root { color-scheme: light dark; --back: #fff; --fore: #1b1f24; --dim: #6b7280; --line: #e2e5e9; --box: #f6f7f9;
  --holds: #2f9e6e; --waits: #b9c2cc; --paused: #7c6fd0; --fault: #e8a33d; --calls: #8fb3e8; --serves: #5f93dd;
  --mark: #4a7bd0; --bad: #d33a3a; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --fore: #e6e8ea; --dim: #98a2ad; --line: #2a2f35;
  --box: #1d2125; --holds: #3fb684; --waits: #4b535c; --paused: #9a8df0; --fault: #d99a3d; --calls: #41618f; --serves: #5a86c4;
  --mark: #7aa5ef; --bad: #f06a6a; } }
html, body { margin: 0; height: 100%; background: var(--back); color: var(--fore); font: 13px/1.4 system-ui, sans-serif; }
body { display: flex; flex-direction: column; }
header { padding: 10px 14px 6px; border-bottom: 1px solid var(--line); }
h1 { font-size: 15px; margin: 0 0 4px; } #verdict { color: var(--bad); white-space: pre-wrap; max-height: 7em; overflow: auto; }
#bar { display: flex; gap: 10px; align-items: center; flex-wrap: wrap; margin-top: 6px; color: var(--dim); }
#bar input { font: inherit; padding: 3px 7px; border: 1px solid var(--line); border-radius: 5px; background: var(--box); color: var(--fore); }
#bar button { font: inherit; padding: 3px 9px; border: 1px solid var(--line); border-radius: 5px; background: var(--box); color: var(--fore); }
.key { display: inline-flex; gap: 4px; align-items: center; } .key i { width: 11px; height: 11px; border-radius: 3px; }
#view { flex: 1; overflow-y: auto; position: relative; } canvas { display: block; }
#tip { position: fixed; display: none; max-width: 480px; padding: 6px 9px; background: var(--box); border: 1px solid var(--line);
  border-radius: 6px; pointer-events: none; white-space: pre-wrap; overflow-wrap: anywhere; box-shadow: 0 2px 8px #0003; }
</style></head><body>
<header><h1 id="title"></h1><div id="verdict"></div>
<div id="bar"><input id="find" type="search" placeholder="search" aria-label="search">
<button id="all">all</button><button id="bad">violation</button><span id="keys"></span><span id="note"></span></div></header>
<div id="view"><canvas id="canvas"></canvas></div><div id="tip"></div>
<script id="data" type="application/json">@data@</script>
<script>
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const kinds = ['holds', 'waits', 'paused', 'fault', 'calls', 'serves'], left = 130, top_ = 26, row = 15, gap = 8;
const seconds = s => '+' + s.toFixed(s < 100 ? 6 : 3) + ' s';
$('title').textContent = data.title; $('verdict').textContent = data.verdict;
$('note').textContent = data.left_out ? data.left_out + ' left out' : '';
$('bad').hidden = data.violated === null;
for (const k of [...kinds, 'mark']) $('keys').insertAdjacentHTML('beforeend',
  `<span class="key"><i style="background:var(--${k})"></i>${k === 'mark' ? 'event' : k}</span> `);
// Spans of a lane that overlap go one below the other; marks have a row of their own.
const lanes = new Map(data.lanes.map(name => [name, { name, ends: [], spans: [], marks: [] }]));
for (const s of [...data.spans].sort((a, b) => a.from - b.from)) {
  const lane = lanes.get(s.lane); let level = lane.ends.findIndex(end => end <= s.from);
  if (level < 0) level = lane.ends.length;
  lane.ends[level] = s.until; s.level = level; lane.spans.push(s);
}
for (const m of data.marks) lanes.get(m.lane).marks.push(m);
let height = top_;
for (const lane of lanes.values()) {
  lane.y = height; lane.marksY = height + gap / 2 + lane.ends.length * row;
  height = lane.marksY + row + gap / 2;
}
const whole = Math.max(data.end, 1e-6);
let from = 0, until = whole, query = '', hits = [], width = 0;
const x = t => left + (t - from) / (until - from) * (width - left - 10);
const time = px => from + (px - left) / (width - left - 10) * (until - from);
const matches = o => !query || (o.text + ' ' + o.kind + ' ' + (o.details || '') + ' ' + o.lane).toLowerCase().includes(query);
function draw() {
  const canvas = $('canvas'), scale = devicePixelRatio || 1; width = $('view').clientWidth;
  canvas.width = width * scale; canvas.height = height * scale;
  canvas.style.width = width + 'px'; canvas.style.height = height + 'px';
  const c = canvas.getContext('2d'); c.scale(scale, scale); c.font = '11px system-ui, sans-serif'; c.textBaseline = 'middle';
  const colour = Object.fromEntries(['fore', 'dim', 'line', 'mark', 'bad', 'back', ...kinds].map(k => [k, style('--' + k)]));
  hits = [];
  const step = 10 ** Math.floor(Math.log10((until - from) / 5)), every = step * ((until - from) / step > 20 ? 5 : (until - from) / step > 10 ? 2 : 1);
  for (let t = Math.ceil(from / every) * every; t <= until; t += every) {
    c.fillStyle = colour.line; c.fillRect(x(t), top_ - 6, 1, height);
    c.fillStyle = colour.dim; c.fillText(+t.toPrecision(9) + ' s', x(t) + 3, 10);
  }
  for (const lane of lanes.values()) {
    c.fillStyle = colour.line; c.fillRect(0, lane.y, width, 1);
    c.fillStyle = colour.fore; c.fillText(lane.name, 10, lane.y + gap / 2 + row / 2 + 2, left - 18);
    for (const s of lane.spans) {
      if (s.until < from || s.from > until) continue;
      const a = Math.max(x(s.from), left), b = Math.max(Math.min(x(s.until), width), a + 2), y = lane.y + gap / 2 + s.level * row;
      c.globalAlpha = matches(s) ? 1 : 0.15; c.fillStyle = colour[s.kind] || colour.mark;
      c.beginPath(); c.roundRect(a, y + 1, b - a, row - 3, 3); c.fill();
      if (b - a > 40) { c.save(); c.clip(); c.fillStyle = s.kind === 'waits' ? colour.fore : colour.back; c.fillText(s.text, a + 5, y + row / 2); c.restore(); }
      hits.push({ a, b, y, h: row, o: s, tip: `${s.lane}: ${s.text}\n${seconds(s.from)} to ${seconds(s.until)}\n${s.details}` });
    }
    for (const m of lane.marks) {
      if (m.at < from || m.at > until) continue;
      const at = x(m.at); c.globalAlpha = matches(m) ? 1 : 0.12;
      c.fillStyle = m.kind === 'lost' || m.kind === 'crash' ? colour.bad : colour.mark;
      c.fillRect(at - 1, lane.marksY + 2, 2, row - 5);
      hits.push({ a: at - 3, b: at + 3, y: lane.marksY, h: row, o: m, tip: `${m.lane}: ${m.kind}\n${m.text}\n${seconds(m.at)}` });
    }
    c.globalAlpha = 1;
  }
  if (data.violated !== null && data.violated >= from && data.violated <= until) {
    c.fillStyle = colour.bad; c.fillRect(x(data.violated) - 1, 0, 2, height);
    const label = x(data.violated) + 5 + c.measureText('violation').width < width ? 5 : -5 - c.measureText('violation').width;
    c.fillText('violation', x(data.violated) + label, top_ - 6);
  }
}
function zoom(factor, around) {
  const t = time(around), f = Math.max(0, t - (t - from) * factor), u = Math.min(whole, t + (until - t) * factor);
  if (u - f > 1e-8) { from = f; until = u; draw(); }
}
function move(by) { const d = Math.min(Math.max(by * (until - from), -from), whole - until); from += d; until += d; draw(); }
$('view').addEventListener('wheel', e => {
  if (!e.ctrlKey && !e.metaKey && !e.altKey && Math.abs(e.deltaX) < Math.abs(e.deltaY) && e.clientX < left) return;
  e.preventDefault();
  if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) move(e.deltaX / 1000); else zoom(e.deltaY > 0 ? 1.2 : 1 / 1.2, e.clientX);
}, { passive: false });
$('canvas').addEventListener('mousemove', e => {
  const box = $('canvas').getBoundingClientRect(), px = e.clientX - box.left, py = e.clientY - box.top;
  const hit = hits.findLast(h => px >= h.a && px <= h.b && py >= h.y && py <= h.y + h.h), tip = $('tip');
  tip.style.display = hit ? 'block' : 'none'; if (!hit) return;
  tip.textContent = hit.tip; tip.style.left = Math.min(e.clientX + 12, innerWidth - tip.offsetWidth - 8) + 'px';
  tip.style.top = Math.min(e.clientY + 14, innerHeight - tip.offsetHeight - 8) + 'px';
});
$('canvas').addEventListener('mouseleave', () => { $('tip').style.display = 'none'; });
let dragged = null;
$('canvas').addEventListener('mousedown', e => { dragged = e.clientX; });
addEventListener('mouseup', () => { dragged = null; });
addEventListener('mousemove', e => { if (dragged !== null) { move((dragged - e.clientX) / (width - left)); dragged = e.clientX; } });
$('find').addEventListener('input', e => { query = e.target.value.toLowerCase(); draw(); });
$('all').addEventListener('click', () => { from = 0; until = whole; draw(); });
$('bad').addEventListener('click', () => {
  const half = Math.min(2, whole / 2); from = Math.max(0, data.violated - half); until = Math.min(whole, data.violated + half); draw();
});
addEventListener('keydown', e => {
  if (e.target === $('find')) return;
  if (e.key === '+') zoom(1 / 1.5, width / 2); else if (e.key === '-') zoom(1.5, width / 2);
  else if (e.key === 'ArrowLeft') move(-0.2); else if (e.key === 'ArrowRight') move(0.2);
});
addEventListener('resize', draw); matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
draw();
</script></body></html>
)page";

}  // namespace deimos::testkit
