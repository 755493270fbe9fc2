// Single keys. Never while typing, composing or in a dialog; /me can switch them off.
(() => {
  'use strict';
  const { $, $$ } = hx;
  const PLACES = { h: '/', c: '/customers', o: '/org', a: '/compliance/audit' };
  const TYPING = 'input:not([type=checkbox]):not([type=radio]),textarea,select,[contenteditable],dialog';

  function move(step) {
    const rows = $$('[data-rows] tbody tr');
    if (!rows.length) return;
    const at = rows.findIndex(row => row.classList.contains('is-cursor'));
    const to = Math.max(0, Math.min(rows.length - 1, at + step));
    rows[at]?.classList.remove('is-cursor');
    rows[to].classList.add('is-cursor');
    rows[to].scrollIntoView({ block: 'nearest' });
    $('a[href]', rows[to])?.focus({ preventScroll: true });
  }
  const row = () => $('[data-rows] tr.is-cursor');
  const search = () => {
    const box = $('main input[type=search]');
    if (box) { box.focus(); box.select(); } else hx.palette?.();
  };
  const ACTS = {
    '/': search,
    '?': () => hx.show($('#keys')),
    j: () => move(1),
    k: () => move(-1),
    x: () => row() && $('input.check', row())?.click(),
    n: () => $('main [rel=next]')?.click(),
    p: () => $('main [rel=prev]')?.click(),
  };

  let g = 0;
  document.addEventListener('keydown', e => {
    if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') {
      e.preventDefault();
      hx.palette?.();
      return;
    }
    const off = document.documentElement.dataset.shortcuts === 'off';
    if (off || e.defaultPrevented || e.isComposing || e.ctrlKey || e.metaKey || e.altKey || e.repeat && e.key === 'x') return;
    if (e.target.closest?.(TYPING)) return;
    const after = g && Date.now() - g < 1200;
    g = e.key === 'g' && !after ? Date.now() : 0;
    if (after) {
      const place = PLACES[e.key];
      // Only where the menu leads as well: what the role cannot open is not there.
      if (place && (place === '/' || $(`.rail a[href="${place}"]`))) location.assign(place);
      return;
    }
    if (e.key === 'Enter' && row() && e.target === document.body) { $('a[href]', row())?.click(); return; }
    if (ACTS[e.key]) { e.preventDefault(); ACTS[e.key](); }
  });
})();
