// @ts-check
import { decodeMessage, keyBytes } from './screen.js';
import { Terminal } from './terminal.js';

/** @typedef {{ element: HTMLElement, screens: Map<string, Screen>, terminal: Terminal, output: HTMLTextAreaElement, decoder: TextDecoder, stale: boolean }} DomainCard */
/** @typedef {{ element: HTMLElement, canvas: HTMLCanvasElement, context: CanvasRenderingContext2D }} Screen */

const RETRY_MS = 2000;
const ENDED = new Set(['stopped', 'crashed', 'dead', 'off']);

/** @template {HTMLElement} T @param {ParentNode} root @param {string} selector @returns {T} */
function one(root, selector) {
  const found = root.querySelector(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return /** @type {T} */ (found);
}

/** @param {string} id @returns {HTMLElement} */
function fromTemplate(id) {
  const template = /** @type {HTMLTemplateElement} */ (one(document, `template#${id}`));
  return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
}

const link = one(document, '#link');
const main = one(document, '#domains');
const foreground = one(document, '#foreground');
const groups = one(document, '#counters .groups');
/** @type {Map<number, DomainCard>} */
const cards = new Map();
/** @type {WebSocket | null} */
let socket = null;
let watched = '';

/** @param {object} message */
function tell(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** @param {number} id @returns {DomainCard} */
function card(id) {
  const there = cards.get(id);
  if (there !== undefined) return there;
  const element = fromTemplate('domain');
  const output = /** @type {HTMLTextAreaElement} */ (one(element, 'textarea'));
  const made = {
    element,
    output,
    screens: new Map(),
    terminal: new Terminal(),
    decoder: new TextDecoder(),
    stale: false,
  };
  output.setAttribute('aria-label', `Console of domain ${id}`);
  output.addEventListener('keydown', (e) => {
    if (e.ctrlKey && e.key === 'c' && output.selectionStart !== output.selectionEnd) return;
    const text = keyBytes(e);
    if (text === '') return;
    e.preventDefault();
    tell({ type: 'input', domain: id, text });
  });
  output.addEventListener('paste', (e) => {
    const text = e.clipboardData?.getData('text') ?? '';
    for (let at = 0; at < text.length; at += 4000) {
      tell({ type: 'input', domain: id, text: text.slice(at, at + 4000).replace(/\r?\n/g, '\r') });
    }
  });
  cards.set(id, made);
  const after = [...cards.keys()].filter((other) => other > id).sort((a, b) => a - b)[0];
  main.insertBefore(element, after === undefined ? null : (cards.get(after)?.element ?? null));
  return made;
}

/** @param {DomainCard} owner @param {number} domain @param {string} port @returns {Screen} */
function screen(owner, domain, port) {
  const there = owner.screens.get(port);
  if (there !== undefined) return there;
  const element = fromTemplate('screen');
  const canvas = /** @type {HTMLCanvasElement} */ (one(element, 'canvas'));
  const context = /** @type {CanvasRenderingContext2D} */ (
    canvas.getContext('2d', { alpha: false })
  );
  const made = { element, canvas, context };
  one(element, '.png').setAttribute('href', `/api/screens/${domain}/${port}.png`);
  one(element, '.full').addEventListener('click', () => canvas.requestFullscreen());
  owner.screens.set(port, made);
  one(owner.element, '.screens').append(element);
  return made;
}

/** Gives a canvas its size; setting it clears it. @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
function resize(canvas, width, height) {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}

/** @param {any} state */
function showState(state) {
  for (const d of state.domains) {
    const c = card(d.id);
    one(c.element, '.name').textContent = `${d.name} (domain ${d.id})`;
    const badge = one(c.element, '.state');
    badge.textContent = d.state;
    badge.classList.toggle('ended', ENDED.has(d.state));
    c.element.classList.toggle('front', d.id === state.foreground);
    const gpu =
      d.vgpu === null
        ? 'no GPU'
        : `${d.vgpu.lowGm} + ${d.vgpu.highGm} MiB of GPU memory, ${d.vgpu.fences} fences`;
    one(c.element, '.facts').textContent = [`${d.memory} MiB`, d.kernel, d.driver, gpu]
      .filter(Boolean)
      .join(' · ');
    const lit = new Set(d.screens.map((/** @type {{port: string}} */ s) => s.port));
    for (const [port, s] of c.screens) {
      if (lit.has(port)) continue;
      s.element.remove();
      c.screens.delete(port);
    }
    for (const s of d.screens) {
      const shown = screen(c, d.id, s.port);
      resize(shown.canvas, s.width, s.height);
      const label = `Port ${s.port} · ${s.width} × ${s.height}`;
      one(shown.element, '.label').textContent = label;
      shown.canvas.setAttribute('aria-label', `Screen of ${d.name}, ${label}`);
    }
    one(c.element, '.dark').hidden = d.screens.length > 0;
  }
  for (const [id, c] of cards) {
    if (state.domains.some((/** @type {{id: number}} */ d) => d.id === id)) continue;
    c.element.remove();
    cards.delete(id);
  }
  showForeground(state);
  showCounters(state.counters);
  watch(state);
}

/** Asks for the screens that are lit, while the page can be seen. @param {any} state */
function watch(state) {
  const screens = document.hidden
    ? []
    : state.domains.flatMap((/** @type {any} */ d) =>
        d.screens.map((/** @type {any} */ s) => ({ domain: d.id, port: s.port })),
      );
  const wanted = JSON.stringify(screens.slice(0, 32));
  if (wanted === watched) return;
  watched = wanted;
  tell({ type: 'watch', screens: JSON.parse(wanted) });
}

/** @param {any} state */
function showForeground(state) {
  const ids = state.domains.map((/** @type {{id: number}} */ d) => d.id).join();
  if (foreground.dataset['ids'] !== ids) {
    foreground.dataset['ids'] = ids;
    for (const old of foreground.querySelectorAll('label')) old.remove();
    for (const d of state.domains) {
      const label = document.createElement('label');
      const radio = document.createElement('input');
      radio.type = 'radio';
      radio.name = 'foreground';
      radio.value = String(d.id);
      radio.addEventListener('change', () => void moveForeground(d.id));
      label.append(radio, ` ${d.name}`);
      foreground.append(label);
    }
  }
  for (const radio of foreground.querySelectorAll('input')) {
    radio.checked = radio.value === String(state.foreground);
  }
}

/** @param {number} domain */
async function moveForeground(domain) {
  const answer = await fetch('/api/foreground', {
    method: 'POST',
    body: JSON.stringify({ domain }),
    headers: { 'content-type': 'application/json' },
  });
  if (!answer.ok) say((await answer.json()).error.message, true);
}

/** @param {Record<string, Record<string, number>>} counters */
function showCounters(counters) {
  groups.replaceChildren(
    ...Object.entries(counters).map(([group, values]) => {
      const table = document.createElement('table');
      table.createCaption().textContent = group;
      for (const [name, value] of Object.entries(values)) {
        const row = table.insertRow();
        const head = document.createElement('th');
        head.scope = 'row';
        head.textContent = name;
        row.append(head);
        row.insertCell().textContent = value.toLocaleString('en');
      }
      return table;
    }),
  );
}

/** @param {ArrayBuffer} buffer */
function showMessage(buffer) {
  const m = decodeMessage(buffer);
  if (m === null) return;
  const owner = card(m.domain);
  if (m.kind === 'console') {
    owner.terminal.write(owner.decoder.decode(m.bytes, { stream: true }));
    if (owner.stale) return;
    owner.stale = true;
    requestAnimationFrame(() => {
      const { output } = owner;
      const atEnd = output.scrollTop + output.clientHeight >= output.scrollHeight - 8;
      output.value = owner.terminal.text;
      if (atEnd) output.scrollTop = output.scrollHeight;
      owner.stale = false;
    });
  } else if (m.kind === 'rows') {
    const { canvas, context } = screen(owner, m.domain, m.port);
    resize(canvas, m.width, m.height);
    context.putImageData(new ImageData(m.pixels, m.width, m.rows), 0, m.first);
  } else {
    owner.screens.get(m.port)?.element.remove();
    owner.screens.delete(m.port);
  }
}

/** @param {string} text @param {boolean} bad */
function say(text, bad) {
  link.textContent = text;
  link.classList.toggle('lost', bad);
}

/** @type {any} */
let lastState = null;

function connect() {
  socket = new WebSocket(`ws://${location.host}/api/live`);
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('open', () => {
    for (const c of cards.values()) {
      c.terminal = new Terminal();
      c.decoder = new TextDecoder();
    }
    watched = '';
    say('live', false);
  });
  socket.addEventListener('message', (e) => {
    if (typeof e.data !== 'string') return showMessage(e.data);
    lastState = JSON.parse(e.data).state;
    showState(lastState);
  });
  socket.addEventListener('close', () => {
    say('the host is gone; trying again', true);
    setTimeout(connect, RETRY_MS);
  });
}

document.addEventListener('visibilitychange', () => {
  if (lastState !== null) watch(lastState);
});
connect();
