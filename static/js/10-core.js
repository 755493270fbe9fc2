// Enhancement only: every page works with this file missing.
//
// A subset of htmx under htmx's own names: hx-get, hx-post, hx-target, hx-swap (innerHTML,
// outerHTML, beforeend, delete; "show:top"), hx-trigger (click, submit, change, input,
// "load", "every Ns", "delay:Nms"), hx-push-url, hx-confirm, hx-swap-oob; answers may carry
// HX-Redirect, HX-Push-Url, HX-Retarget. No eval, no storage, same origin only.
(() => {
  'use strict';
  const $ = (s, r = document) => r.querySelector(s);
  const $$ = (s, r = document) => [...r.querySelectorAll(s)];
  const csrf = () => $('meta[name=csrf]')?.content ?? '';
  document.documentElement.classList.add('js');

  // ── the bar on top while something takes long ──
  let pending = 0, bar;
  const busy = step => {
    pending += step;
    clearTimeout(bar);
    if (pending > 0) bar = setTimeout(() => document.documentElement.classList.add('is-busy'), 300);
    else document.documentElement.classList.remove('is-busy');
  };

  // ── requests ──
  const running = new WeakMap();
  const target = el => {
    const s = el.closest('[hx-target]')?.getAttribute('hx-target');
    return !s || s === 'this' ? el : $(s);
  };
  async function ask(el, method, url, body) {
    const into = target(el);
    if (!into) { location.assign(url); return; }
    running.get(into)?.abort();
    const control = new AbortController();
    running.set(into, control);
    busy(1);
    try {
      const headers = { 'HX-Request': 'true', 'HX-Target': into.id };
      if (method !== 'GET') headers['X-CSRF-Token'] = csrf();
      const answer = await fetch(url, { method, headers, body, signal: control.signal, credentials: 'same-origin', redirect: 'follow' });
      const go = answer.headers.get('HX-Redirect');
      if (go) { location.assign(go); return; }
      const html = await answer.text();
      const retarget = answer.headers.get('HX-Retarget');
      swap(retarget ? $(retarget) : into, el, html, answer.status);
      const push = answer.headers.get('HX-Push-Url') || (el.closest('[hx-push-url=true]') && method === 'GET' ? url : '');
      if (push && answer.ok && into.id !== 'pal-hits') history.pushState({ hx: true }, '', push);
    } catch (error) {
      if (error.name !== 'AbortError') location.assign(method === 'GET' ? url : location.href);
    } finally {
      busy(-1);
      if (running.get(into) === control) running.delete(into);
    }
  }

  function swap(into, el, html, status) {
    const parsed = new DOMParser().parseFromString(html, 'text/html');
    const title = $('title', parsed);
    if (title && into.id !== 'pal-hits') document.title = title.textContent;
    title?.remove();
    for (const part of $$('[hx-swap-oob]', parsed)) {
      const [how, where] = part.getAttribute('hx-swap-oob').split(':');
      const place = $(where || '#' + part.id);
      part.remove();
      part.removeAttribute('hx-swap-oob');
      if (!place) continue;
      if (how === 'beforeend') place.append(...part.children); else place.replaceWith(part);
      ready(place);
    }
    const nodes = [...parsed.body.childNodes];
    if (!nodes.some(n => n.nodeType === 1)) return;
    const [how, ...mods] = (el.closest('[hx-swap]')?.getAttribute('hx-swap') || 'innerHTML').split(' ');
    const focused = document.activeElement?.id;
    if (how === 'outerHTML') into.replaceWith(...nodes);
    else if (how === 'beforeend') into.append(...nodes);
    else if (how === 'delete') into.remove();
    else into.replaceChildren(...nodes);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    if (mods.includes('show:top')) scrollTo({ top: 0 });
    if (status === 422) $('[data-focus]')?.focus();
    nodes.filter(n => n.nodeType === 1).forEach(ready);
  }

  const formUrl = form => {
    const url = new URL(form.getAttribute('hx-get') || form.action, location.href);
    url.search = '';
    for (const [name, value] of new FormData(form)) if (value !== '') url.searchParams.append(name, value);
    return url.pathname + url.search;
  };
  const send = (el, submitter) => {
    const get = el.getAttribute('hx-get');
    if (el.tagName === 'FORM') {
      if (get !== null) ask(el, 'GET', formUrl(el));
      else ask(el, 'POST', el.getAttribute('hx-post'), new URLSearchParams(new FormData(el, submitter)));
    } else if (get !== null) ask(el, 'GET', get);
    else ask(el, 'POST', el.getAttribute('hx-post'), new URLSearchParams());
  };

  // ── triggers ──
  const wait = (el, spec) => Number(/delay:(\d+)ms/.exec(spec)?.[1] ?? (Number(/delay:(\d+)s/.exec(spec)?.[1] ?? 0) * 1000));
  const timers = new WeakMap();
  const later = (el, ms, run) => { clearTimeout(timers.get(el)); timers.set(el, setTimeout(run, ms)); };
  const specs = el => (el.getAttribute('hx-trigger') || (el.tagName === 'FORM' ? 'submit' : 'click')).split(',').map(s => s.trim());
  function ready(root) {
    if (root.nodeType !== 1) return;
    for (const el of [root, ...$$('[hx-get],[hx-post]', root)]) {
      if (!el.matches('[hx-get],[hx-post]')) continue;
      for (const spec of specs(el)) {
        if (spec.startsWith('load')) later(el, wait(el, spec), () => el.isConnected && send(el));
        const every = /^every (\d+)s/.exec(spec);
        if (every) later(el, every[1] * 1000, () => el.isConnected && send(el));
      }
    }
    for (const toast of $$('.toast[data-leaves]', root.matches('.toasts') ? root : document)) {
      later(toast, toast.dataset.leaves * 1000, () => toast.remove());
    }
    select();
  }
  const wants = (el, event) => specs(el).find(s => s.split(' ')[0] === event);

  document.addEventListener('click', e => {
    const el = e.target.closest('a[hx-get],button[hx-get],button[hx-post]');
    if (!el || e.defaultPrevented || e.button || e.ctrlKey || e.metaKey || e.shiftKey || !wants(el, 'click')) return;
    e.preventDefault();
    send(el);
  });
  document.addEventListener('submit', e => {
    const form = e.target;
    if (form.dataset.sent) { e.preventDefault(); return; }
    if (form.matches('[hx-post],[hx-get]')) { e.preventDefault(); send(form, e.submitter); return; }
    if (form.method === 'post') {
      // A second click is harmless; the first one says that it was heard.
      form.dataset.sent = '1';
      form.closest('body')?.classList.add('is-sending');
      addEventListener('pageshow', () => delete form.dataset.sent, { once: true });
    }
  });
  for (const event of ['input', 'change']) {
    document.addEventListener(event, e => {
      const form = e.target.closest('form[hx-get]');
      const spec = form && wants(form, event);
      if (!spec || e.isComposing) return;
      if (event === 'change' && e.target.type === 'search') return;
      later(form, event === 'change' ? 300 : wait(form, spec), () => send(form));
    });
  }
  document.addEventListener('compositionend', e => {
    const form = e.target.closest('form[hx-get]');
    if (form) later(form, 300, () => send(form));
  });
  addEventListener('popstate', () => location.reload());

  // ── dropdowns: one open at a time, Escape and a click outside close ──
  document.addEventListener('click', e => $$('details.dd[open]').forEach(d => d.contains(e.target) || (d.open = false)));
  document.addEventListener('click', e => {
    if (e.target.closest('[data-toast-close]')) e.target.closest('.toast').remove();
    if (e.target.closest('[data-close]')) e.target.closest('dialog')?.close();
    if (e.target.matches('dialog')) e.target.close();
  });

  // ── palette ──
  const pal = $('#pal');
  let opener;
  const openPalette = () => {
    if (!pal || pal.open) return;
    opener = document.activeElement;
    pal.showModal();
    const input = $('input[name=q]', pal);
    input.select();
    input.focus();
  };
  pal?.addEventListener('close', () => opener?.focus?.());
  document.addEventListener('click', e => {
    if (!e.target.closest('[data-palette]')) return;
    e.preventDefault();
    openPalette();
  });
  const cursor = step => {
    const links = $$('li a', pal);
    const at = links.findIndex(a => a.classList.contains('is-cursor'));
    const to = Math.max(0, Math.min(links.length - 1, at + step));
    links[at]?.classList.remove('is-cursor');
    links[to]?.classList.add('is-cursor');
    links[to]?.scrollIntoView({ block: 'nearest' });
  };
  if (pal) {
    const form = $('form', pal), input = $('input[name=q]', pal);
    const start = $('#pal-hits', pal).cloneNode(true);
    const look = () => {
      const q = input.value.trim();
      const hits = $('#pal-hits', pal);
      if (!q) { hits.replaceWith(start.cloneNode(true)); return; }
      const probe = document.createElement('a');
      probe.setAttribute('hx-target', '#pal-hits');
      probe.setAttribute('hx-swap', 'outerHTML');
      ask(probe, 'GET', '/search?q=' + encodeURIComponent(q)).then(() => cursor(1));
    };
    input.addEventListener('input', e => { if (!e.isComposing) later(form, 300, look); });
    input.addEventListener('compositionend', () => later(form, 300, look));
    pal.addEventListener('keydown', e => {
      if (e.isComposing) return;
      if (e.key === 'ArrowDown' || e.key === 'ArrowUp') { e.preventDefault(); cursor(e.key === 'ArrowDown' ? 1 : -1); }
      if (e.key === 'Enter') {
        const chosen = $('li a.is-cursor', pal);
        if (chosen) { e.preventDefault(); chosen.click(); }
      }
    });
  }

  // ── chosen rows and the bar that acts on them ──
  function select() {
    const bar = $('[data-batch]');
    if (!bar) return;
    const boxes = $$('[data-rows] tbody input[name=id]');
    const on = boxes.filter(b => b.checked);
    boxes.forEach(b => b.closest('tr').classList.toggle('is-sel', b.checked));
    const all = $('[data-all]');
    if (all) { all.checked = on.length > 0 && on.length === boxes.length; all.indeterminate = on.length > 0 && !all.checked; }
    const everybody = $('input[name=all]', bar);
    bar.hidden = on.length === 0 && !everybody?.checked;
    const label = $('[data-count-text]', bar);
    if (label) label.textContent = label.dataset.countText.replace('{n}', on.length);
  }
  document.addEventListener('change', e => {
    if (e.target.matches('[data-all]')) $$('[data-rows] tbody input[name=id]').forEach(b => b.checked = e.target.checked);
    if (e.target.closest('[data-rows],[data-batch]')) select();
  });
  document.addEventListener('click', e => {
    if (!e.target.closest('[data-clear]')) return;
    $$('[data-rows] input.check, [data-batch] input.check').forEach(b => b.checked = false);
    select();
  });

  // ── single keys: never while typing, composing or in a dialog ──
  let g = 0;
  const places = { h: '/', c: '/customers', o: '/org', a: '/compliance/audit' };
  document.addEventListener('keydown', e => {
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k') { e.preventDefault(); openPalette(); return; }
    if (e.key === 'Escape') $$('details.dd[open]').forEach(d => { d.open = false; $('summary', d).focus(); });
    const typing = e.target.closest('input:not([type=checkbox]):not([type=radio]),textarea,select,dialog');
    if (e.isComposing || e.ctrlKey || e.metaKey || e.altKey || typing || document.documentElement.dataset.shortcuts === 'off') return;
    if (g && Date.now() - g < 1200 && places[e.key]) { location.assign(places[e.key]); return; }
    g = e.key === 'g' ? Date.now() : 0;
    if (e.key === '/') { const box = $('main .field input[name=q]'); if (box) { e.preventDefault(); box.focus(); box.select(); } }
    if (e.key === '?') $('#keys')?.showModal();
    const rows = $$('[data-rows] tbody tr');
    if (rows.length && (e.key === 'j' || e.key === 'k')) {
      const at = rows.findIndex(r => r.classList.contains('is-cursor'));
      const to = Math.max(0, Math.min(rows.length - 1, at + (e.key === 'j' ? 1 : -1)));
      rows[at]?.classList.remove('is-cursor');
      rows[to].classList.add('is-cursor');
      rows[to].scrollIntoView({ block: 'nearest' });
    }
    const current = $('[data-rows] tr.is-cursor');
    if (current && e.key === 'x') $('input.check', current)?.click();
    if (current && e.key === 'Enter' && e.target === document.body) $('a[href]', current)?.click();
    if (e.key === 'n' || e.key === 'p') $(e.key === 'n' ? '[rel=next]' : '[rel=prev]')?.click();
  });

  ready(document.body);
})();
