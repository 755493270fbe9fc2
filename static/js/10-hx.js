// Enhancement only: every page works with this script missing.
//
// A subset of htmx under htmx's own names, without eval and without storage:
//   hx-get hx-post hx-put hx-delete   what to ask; a form sends its fields
//   hx-target      CSS, "this", "closest CSS", "find CSS"; inherited, as are the next five
//   hx-swap        innerHTML outerHTML beforeend afterbegin delete none, and "show:top",
//                  "ignoreTitle:true"
//   hx-push-url    "true" or an address
//   hx-include     CSS of further fields or forms to send along
//   hx-confirm     a question to be answered first
//   hx-indicator   CSS of what gets the class htmx-request meanwhile
//   hx-trigger     events, "load", "revealed", "every 3s" while the page is in sight; with
//                  "delay:300ms", "from:body"
//   hx-swap-oob    in answers: "true" or "<swap>:<CSS>"
// Answers may carry HX-Redirect, HX-Refresh, HX-Push-Url, HX-Retarget, HX-Reswap, HX-Trigger.
// Different from htmx: 422 is swapped, other errors are not; back and forward load the page
// anew, because a kept copy would hold personal data; unchanged filters are not sent twice.
const hx = (() => {
  'use strict';
  const $ = (css, root = document) => root.querySelector(css);
  const $$ = (css, root = document) => [...root.querySelectorAll(css)];
  const VERBS = ['get', 'post', 'put', 'delete'];
  const ASKS = VERBS.map(verb => `[hx-${verb}]`).join(',');
  const root = document.documentElement;
  root.classList.add('js');

  const inherited = (el, name) => el.closest(`[${name}]`)?.getAttribute(name) ?? null;
  const timers = new WeakMap();
  const later = (key, ms, run) => {
    clearTimeout(timers.get(key));
    timers.set(key, setTimeout(run, ms));
  };
  const isElement = node => node.nodeType === 1;

  // ── the bar on top, if something takes longer than 300 ms ──
  let pending = 0;
  const busy = step => {
    pending += step;
    if (pending > 0) later(root, 300, () => root.classList.add('is-busy'));
    else { clearTimeout(timers.get(root)); root.classList.remove('is-busy'); }
  };

  // ── what to send, and where the answer goes ──
  const targetOf = el => {
    const holder = el.closest('[hx-target]');
    const spec = holder?.getAttribute('hx-target') ?? 'this';
    if (spec === 'this') return holder ?? el;
    if (spec.startsWith('closest ')) return el.closest(spec.slice(8));
    if (spec.startsWith('find ')) return $(spec.slice(5), el);
    return $(spec);
  };
  function fieldsOf(el, submitter) {
    const fields = el.tagName === 'FORM' ? new FormData(el) : new FormData();
    const add = field => {
      if (field.tagName === 'FORM') for (const [name, value] of new FormData(field)) fields.append(name, value);
      else if (field.name && !field.disabled && (!/^(checkbox|radio)$/.test(field.type) || field.checked)) fields.append(field.name, field.value);
    };
    if (el.tagName !== 'FORM' && el.name) add(el);
    if (submitter?.name) add(submitter);
    const more = inherited(el, 'hx-include');
    if (more) (more === 'this' ? [el.closest('[hx-include]')] : $$(more)).forEach(add);
    return fields;
  }
  const withFields = (address, fields) => {
    const url = new URL(address, location.href);
    const given = [...fields].filter(([, value]) => value !== '' && typeof value === 'string');
    if (given.length) url.search = '';
    for (const [name, value] of given) url.searchParams.append(name, value);
    return url.pathname + url.search;
  };
  function requestOf(el, submitter) {
    const verb = VERBS.find(verb => el.hasAttribute('hx-' + verb));
    const address = el.getAttribute('hx-' + verb) || el.getAttribute('action') || location.pathname;
    const fields = fieldsOf(el, submitter);
    if (verb === 'get') return { method: 'GET', url: el.tagName === 'FORM' || [...fields].length ? withFields(el.tagName === 'FORM' ? address.split('?')[0] : address, fields) : address };
    const body = el.enctype === 'multipart/form-data' ? fields : new URLSearchParams(fields);
    return { method: verb.toUpperCase(), url: address, body };
  }

  // ── asking ──
  const running = new WeakMap();
  // What was refused is not asked for again by itself.
  const refused = new WeakSet();
  async function ask(el, { method = 'GET', url, body, into = targetOf(el), quiet = false, origin = document.activeElement }) {
    if (!into) { location.assign(url); return false; }
    running.get(into)?.abort();
    const control = new AbortController();
    running.set(into, control);
    const shown = [el, ...$$(inherited(el, 'hx-indicator') || ':not(*)')];
    shown.forEach(one => one.classList.add('htmx-request'));
    into.setAttribute('aria-busy', 'true');
    if (!quiet) busy(1);
    try {
      const headers = { 'HX-Request': 'true', 'HX-Target': into.id };
      if (method !== 'GET') headers['X-CSRF-Token'] = $('meta[name=csrf]')?.content ?? '';
      const answer = await fetch(url, { method, headers, body, signal: control.signal, credentials: 'same-origin' });
      const html = await answer.text();
      return arrive(el, into, { method, url, origin }, answer, html);
    } catch (error) {
      if (error.name === 'AbortError') return false;
      if (!quiet) complain();
      throw error;
    } finally {
      if (!quiet) busy(-1);
      shown.forEach(one => one.classList.remove('htmx-request'));
      if (running.get(into) === control) { running.delete(into); into.removeAttribute('aria-busy'); }
    }
  }
  function arrive(el, into, { method, url, origin }, answer, html) {
    const said = name => answer.headers.get(name);
    if ([401, 403, 404].includes(answer.status)) refused.add(el);
    if (said('HX-Redirect')) { location.assign(said('HX-Redirect')); return true; }
    if (said('HX-Refresh') === 'true') { location.reload(); return true; }
    if (said('HX-Trigger')) tell(el, said('HX-Trigger'));
    const failed = !answer.ok && answer.status !== 422;
    const how = said('HX-Reswap') || (failed ? 'none' : inherited(el, 'hx-swap')) || 'innerHTML';
    if (failed && !said('HX-Reswap')) { complain(); return false; }
    if (answer.status === 204) return true;
    const retarget = said('HX-Retarget');
    const place = retarget ? $(retarget) : into;
    // A whole page where a part was expected: take the part, or go there.
    if (/^\s*<!doctype/i.test(html)) {
      const part = place?.id && new DOMParser().parseFromString(html, 'text/html').getElementById(place.id);
      if (!part) { location.assign(method === 'GET' ? url : answer.url); return true; }
      html = part.outerHTML;
    }
    swap(place, how, html, answer.status, origin);
    const wish = said('HX-Push-Url') ?? inherited(el, 'hx-push-url');
    if (answer.ok && wish && wish !== 'false') {
      const address = wish === 'true' ? url : wish;
      if (address !== here()) history.pushState(null, '', address);
      at = here();
      document.dispatchEvent(new CustomEvent('hx:pushed'));
    }
    return answer.ok;
  }
  function tell(el, header) {
    let events;
    try { events = JSON.parse(header); } catch { events = Object.fromEntries(header.split(',').map(name => [name.trim(), null])); }
    for (const [name, detail] of Object.entries(events)) el.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
  // The server did not answer, or not in our words: say so and keep the page as it is.
  function complain() {
    const place = $('#toasts'), model = $('template', place ?? document);
    if (!place || !model || $('[data-offline]', place)) return;
    place.append(model.content.cloneNode(true));
  }

  // ── swapping ──
  const put = {
    innerHTML: (place, nodes) => place.replaceChildren(...nodes),
    outerHTML: (place, nodes) => place.replaceWith(...nodes),
    beforeend: (place, nodes) => place.append(...nodes),
    afterbegin: (place, nodes) => place.prepend(...nodes),
    delete: place => place.remove(),
    none: () => {},
  };
  function swap(place, spec, html, status, origin) {
    const box = document.createElement('template');
    box.innerHTML = html;
    const title = $('title', box.content);
    if (title && place?.id !== 'pal-hits' && !spec.includes('ignoreTitle:true')) document.title = title.textContent;
    title?.remove();
    for (const part of $$('[hx-swap-oob]', box.content)) {
      const [how, where] = part.getAttribute('hx-swap-oob').split(/:(.*)/s);
      part.removeAttribute('hx-swap-oob');
      part.remove();
      const aside = $(where || '#' + part.id);
      if (!aside) continue;
      const nodes = how === 'true' || how === 'outerHTML' ? [part] : [...part.childNodes];
      put[how === 'true' ? 'outerHTML' : how]?.(aside, nodes);
      nodes.filter(isElement).forEach(ready);
    }
    const [how, ...mods] = spec.split(' ');
    if (!place || how === 'none' || !put[how]) return;
    const nodes = [...box.content.childNodes];
    // A disabled button has already lost the focus to the body.
    const active = document.activeElement === document.body ? origin : document.activeElement;
    const held = place.contains(active) && how !== 'beforeend' && how !== 'afterbegin';
    put[how](place, nodes);
    const elements = nodes.filter(isElement);
    if (status === 422) $('[data-focus]')?.focus();
    else if (held) keepFocus(active, how === 'innerHTML' ? place : elements[0]);
    if (mods.includes('show:top')) scrollTo({ top: 0 });
    elements.forEach(ready);
    document.dispatchEvent(new CustomEvent('hx:swapped'));
  }
  // Whoever works by keyboard stays where they were: at the same element, or at its successor.
  function keepFocus(active, successor) {
    const same = active.id && document.getElementById(active.id);
    const to = same || successor;
    if (!to?.isConnected) return;
    if (!same && to.tabIndex < 0) to.tabIndex = -1;
    to.focus({ preventScroll: true });
  }

  // ── triggers ──
  const span = text => text ? Number(text[1]) * (text[2] === 's' ? 1000 : 1) : 0;
  function specsOf(el) {
    const natural = el.tagName === 'FORM' ? 'submit' : /^(INPUT|SELECT|TEXTAREA)$/.test(el.tagName) ? 'change' : 'click';
    return (el.getAttribute('hx-trigger') || natural).split(',').map(text => {
      const [name, ...mods] = text.trim().split(/\s+/);
      const period = name === 'every' ? span(/(\d+)(m?s)/.exec(mods[0])) : 0;
      return { name, period, delay: span(/delay:(\d+)(m?s)/.exec(text)), everywhere: mods.includes('from:body') };
    });
  }
  const asked = new WeakMap();
  async function send(el, submitter, { quiet = false } = {}) {
    if (!el.isConnected || !await confirmed(el, submitter)) return;
    const request = requestOf(el, submitter);
    if (el.matches('form.filters') && !submitter && asked.get(el) === request.url + here()) return;
    const origin = document.activeElement;
    const free = hx.hold?.(el, submitter);
    try {
      await ask(el, { ...request, quiet, origin });
      asked.set(el, request.url + here());
    } catch {
      // Nobody asked for this by hand: try again when the server may be back.
      if (quiet) later(el, 10000, () => send(el, null, { quiet }));
    } finally { free?.(); }
  }
  function ready(part) {
    for (const el of [part, ...$$(ASKS, part)]) {
      if (!el.matches(ASKS)) continue;
      for (const { name, period, delay } of specsOf(el)) {
        if (name === 'load') later(el, delay, () => send(el, null, { quiet: true }));
        else if (name === 'every') repeat(el, period);
        else if (name === 'revealed') revealed.observe(el);
        else listen(name);
      }
    }
    document.dispatchEvent(new CustomEvent('hx:ready', { detail: part }));
  }
  const repeat = (el, period) => later(el, period, () => turn(el, period));
  async function turn(el, period) {
    if (!el.isConnected || refused.has(el)) return;
    // Nobody looks: asked again when somebody does.
    if (document.hidden) return document.addEventListener('visibilitychange', () => turn(el, period), { once: true });
    // What somebody has asked for goes before.
    if (!targetOf(el)?.hasAttribute('aria-busy')) await send(el, null, { quiet: true });
    repeat(el, period);
  }
  const revealed = new IntersectionObserver(seen => seen.filter(one => one.isIntersecting).forEach(({ target }) => {
    revealed.unobserve(target);
    send(target, null, { quiet: true });
  }));
  const heard = new Set();
  function listen(name) {
    if (heard.has(name)) return;
    heard.add(name);
    document.addEventListener(name, event => hear(event, name));
  }
  function hear(event, name) {
    if (event.isComposing || event.defaultPrevented) return;
    const wants = (el, everywhere) => specsOf(el).find(spec => spec.name === name && spec.everywhere === everywhere);
    for (const el of $$(`[hx-trigger*="from:body"]`)) if (wants(el, true)) send(el);
    let el = event.target.closest?.(ASKS);
    while (el && !wants(el, false)) el = el.parentElement?.closest(ASKS);
    if (!el) return;
    if (name === 'click' && (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) return;
    if (name === 'click' || name === 'submit') event.preventDefault();
    if (name === 'submit') clearTimeout(timers.get(el));
    const { delay } = wants(el, false);
    const wait = delay || (name === 'change' && el.matches('form.filters') ? 300 : 0);
    if (wait) later(el, wait, () => send(el)); else send(el, event.submitter);
  }
  // What an input method composes counts when it is done, not before.
  document.addEventListener('compositionend', event => hear({ target: event.target }, 'input'));

  // ── questions before what cannot be undone; the button repeats its verb ──
  const answered = new WeakSet();
  function confirmed(el, submitter) {
    const asker = submitter?.hasAttribute('hx-confirm') ? submitter : el;
    const text = inherited(asker, 'hx-confirm'), dialog = $('#ask');
    if (!text || !dialog?.showModal) return true;
    $('p', dialog).textContent = text;
    const yes = $('[value=yes]', dialog);
    yes.textContent = (submitter ?? el).textContent.trim();
    dialog.returnValue = '';
    dialog.showModal();
    return new Promise(done => dialog.addEventListener('close', () => done(dialog.returnValue === 'yes'), { once: true }));
  }
  document.addEventListener('submit', async event => {
    const form = event.target, button = event.submitter;
    if (form.matches(ASKS) || answered.delete(form) || !inherited(button ?? form, 'hx-confirm')) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (await confirmed(form, button)) { answered.add(form); (button ?? $('button', form)).click(); }
  });

  // ── back and forward; a change of the part behind # is no other page ──
  const here = () => location.pathname + location.search;
  let at = here();
  addEventListener('popstate', () => { if (here() !== at) location.reload(); });

  return { $, $$, later, ask, ready, swap, requestOf, complain, hold: null };
})();
