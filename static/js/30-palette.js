// The command palette: people by the server's search, pages by their names, all by keyboard.
(() => {
  'use strict';
  const { $, $$, later } = hx;
  const pal = $('#pal');
  if (!pal?.showModal) return;
  const form = $('form', pal), input = $('input[name=q]', pal), pages = $('[data-pages]', pal);
  const links = () => $$('li:not([hidden]) > a', pal);

  hx.palette = () => { if (hx.show(pal)) { input.select(); input.focus(); } };
  document.addEventListener('click', e => {
    if (!e.target.closest('[data-palette]') || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    hx.palette();
  });

  function point(to) {
    const all = links();
    for (const group of $$('ul', pal)) {
      group.setAttribute('role', 'group');
      group.setAttribute('aria-label', group.previousElementSibling?.textContent ?? '');
      $$('li', group).forEach(item => item.setAttribute('role', 'none'));
    }
    all.forEach((link, i) => {
      link.id = 'pal-' + i;
      link.setAttribute('role', 'option');
      link.setAttribute('aria-selected', i === to);
      link.classList.toggle('is-cursor', i === to);
    });
    all[to]?.scrollIntoView({ block: 'nearest' });
    if (all[to]) input.setAttribute('aria-activedescendant', 'pal-' + to);
    else input.removeAttribute('aria-activedescendant');
  }
  const cursor = () => links().findIndex(link => link.classList.contains('is-cursor'));

  // `shown` are the words whose answer is on the screen; Enter waits for those typed last.
  let shown = '', enter = false;
  const words = () => input.value.trim();
  function matching(q) {
    const like = q.toLowerCase();
    for (const item of $$('li', pages)) item.hidden = !item.textContent.toLowerCase().includes(like);
    pages.hidden = !$('li:not([hidden])', pages);
  }
  async function look() {
    const q = words();
    matching(q);
    if (!q) { $('#pal-hits').replaceChildren(); shown = ''; point(-1); return; }
    try {
      const probe = document.createElement('a');
      probe.setAttribute('hx-swap', 'outerHTML');
      await hx.ask(probe, { url: '/search?q=' + encodeURIComponent(q), into: $('#pal-hits') });
    } catch { return; }
    if (q !== words()) { if (!words()) look(); return; }
    shown = q;
    const none = $('.pal__none', pal);
    if (none) none.hidden = !pages.hidden;
    point(0);
    if (enter) choose();
  }
  function choose() {
    enter = false;
    const chosen = links()[cursor()];
    if (chosen) location.assign(chosen.href); else form.submit();
  }
  const typed = () => { enter = false; matching(words()); later(form, 300, look); };
  input.addEventListener('input', e => { if (!e.isComposing) typed(); });
  input.addEventListener('compositionend', typed);
  form.addEventListener('submit', e => {
    const q = words();
    if (!q && cursor() < 0) { e.preventDefault(); return; }
    e.preventDefault();
    if (q === shown) { choose(); return; }
    enter = true;
    later(form, 0, look);
  });
  pal.addEventListener('keydown', e => {
    if (e.isComposing) return;
    // A search box would first empty itself.
    if (e.key === 'Escape') { e.preventDefault(); pal.close(); return; }
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key], count = links().length;
    if (!step || !count) return;
    e.preventDefault();
    const at = cursor();
    point(at < 0 ? (step > 0 ? 0 : count - 1) : (at + step + count) % count);
  });
})();
