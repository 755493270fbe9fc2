// What stands on many pages: dropdowns, dialogs, toasts, looks, forms on their way, filters.
(() => {
  'use strict';
  const { $, $$, later } = hx;
  const root = document.documentElement;

  // ── dropdowns: one open at a time; Escape and a click outside close ──
  const open = () => $$('details.dd[open]');
  document.addEventListener('click', e => open().forEach(d => d.contains(e.target) || (d.open = false)));
  document.addEventListener('keydown', e => {
    if (e.key !== 'Escape' || e.isComposing) return;
    for (const d of open()) {
      const inside = d.contains(document.activeElement);
      d.open = false;
      if (inside) $('summary', d).focus();
    }
  });

  // ── dialogs: the focus returns to the opener ──
  hx.show = dialog => {
    if (!dialog || dialog.open) return false;
    const opener = document.activeElement;
    dialog.showModal();
    dialog.addEventListener('close', () => opener?.isConnected && opener.focus(), { once: true });
    return true;
  };
  document.addEventListener('click', e => {
    const opener = e.target.closest('[data-dialog]');
    if (opener && hx.show($(opener.dataset.dialog))) e.preventDefault();
    if (e.target.closest('[data-close]')) e.target.closest('dialog')?.close();
    if (e.target.tagName === 'DIALOG') e.target.close();
  });

  document.addEventListener('click', e => e.target.closest('[data-print]') && print());

  // ── toasts: those that may leave do so, but not from under the pointer ──
  const leave = (toast, ms) => later(toast, ms, () => toast.matches(':hover, :focus-within') ? leave(toast, 2000) : toast.remove());
  const arm = () => $$('.toast[data-leaves]').forEach(toast => {
    leave(toast, toast.dataset.leaves * 1000);
    delete toast.dataset.leaves;
  });
  document.addEventListener('click', e => e.target.closest('[data-toast-close]')?.closest('.toast').remove());
  document.addEventListener('hx:ready', arm);

  // ── a form on its way: its button says so and takes no second click ──
  hx.hold = (el, submitter) => {
    const button = submitter ?? (el.tagName === 'BUTTON' ? el : null);
    if (!button || button.disabled) return null;
    const label = [...button.childNodes].reverse().find(n => n.nodeType === 3 && n.data.trim());
    const words = label?.data;
    const pattern = root.dataset.busy ?? '{verb}…';
    button.disabled = true;
    if (label) label.data = pattern.replace('{verb}', words.trim());
    return () => {
      button.disabled = false;
      if (label) label.data = words;
    };
  };
  const away = new Map();
  const back = form => {
    away.get(form)?.();
    away.delete(form);
  };
  document.addEventListener('submit', e => {
    const form = e.target;
    if (e.defaultPrevented || form.method !== 'post' || form.matches('[hx-get],[hx-post],[hx-put],[hx-delete]')) return;
    if (away.has(form)) { e.preventDefault(); return; }
    away.set(form, null);
    // The fields are collected after this event; a disabled button would be missing.
    setTimeout(() => away.has(form) && away.set(form, hx.hold(form, e.submitter)));
    // An answer that is a file leaves the page standing.
    setTimeout(back, 15000, form);
  });
  addEventListener('pageshow', () => [...away.keys()].forEach(back));

  // ── light and dark, height of rows: at once, and kept by the server ──
  const dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  function looks() {
    for (const button of $$('[data-looks] [name=theme]')) {
      button.value = dark() ? 'light' : 'dark';
      const use = $('use', button);
      use?.setAttribute('href', use.getAttribute('href').replace(/#.*/, dark() ? '#i-sun' : '#i-moon'));
    }
    for (const button of $$('[data-looks] [name=density]')) {
      const compact = root.dataset.density === 'compact';
      button.value = compact ? 'standard' : 'compact';
      button.classList.toggle('is-on', compact);
      button.setAttribute('aria-pressed', compact);
    }
  }
  document.addEventListener('submit', e => {
    const form = e.target.closest('[data-looks]'), button = e.submitter;
    if (!form || !button?.name) return;
    e.preventDefault();
    e.stopImmediatePropagation();
    const { name, value } = button;
    const fields = new URLSearchParams(new FormData(form));
    fields.set(name, value);
    root.dataset[name] = value;
    looks();
    hx.ask(form, { method: 'POST', url: form.getAttribute('action'), body: fields, into: form, quiet: true }).catch(() => {});
  }, true);
  matchMedia('(prefers-color-scheme: dark)').addEventListener?.('change', looks);

  document.addEventListener('submit', e => e.target.matches('form.filters') && open().forEach(d => (d.open = false)));

  // ── filters: the closed one says what is chosen, the others keep the address's conditions ──
  document.addEventListener('change', e => {
    const dd = e.target.closest('form.filters details.dd');
    if (!dd) return;
    const on = $$('input:checked', dd).filter(input => input.value !== '');
    const summary = $('summary', dd), icon = $('.i', summary);
    $('b', summary)?.remove();
    dd.classList.toggle('is-on', on.length > 0);
    if (on.length > 0) {
      const chosen = document.createElement('b');
      chosen.textContent = on.length > 1 ? on.length : $('span', on[0].closest('label')).textContent.trim();
      icon.before(chosen, ' ');
    }
    if (e.target.type === 'radio' && e.target.matches(':hover, label:hover *')) dd.open = false;
  });
  document.addEventListener('hx:pushed', () => {
    const tab = $$('.tabs a[hx-get]').find(a => a.getAttribute('href') === location.pathname + location.search);
    if (tab) {
      $$('a', tab.closest('.tabs')).forEach(a => a.removeAttribute('aria-current'));
      tab.setAttribute('aria-current', 'page');
    }
    const form = $('form.filters[hx-get]');
    if (!form) return;
    $$('input[type=hidden]', form).forEach(input => input.remove());
    const own = new Set($$('[name]', form).map(field => field.name));
    for (const [name, value] of new URLSearchParams(location.search)) {
      if (own.has(name) || name === 'after' || name === 'before') continue;
      const kept = Object.assign(document.createElement('input'), { type: 'hidden', name, value });
      form.append(kept);
    }
  });

  // ── rows of a form: when the last is written in, another one stands below ──
  document.addEventListener('input', e => {
    const row = e.target.closest('[data-grow] tbody tr');
    if (!row || row.nextElementSibling || !e.target.value) return;
    const more = row.cloneNode(true);
    $$('input', more).forEach(field => (field.value = field.defaultValue));
    row.after(more);
  });

  // ── chosen rows, and the bar that acts on them ──
  const boxes = () => $$('[data-rows] tbody input[name=id]');
  function select() {
    const bar = $('[data-batch]');
    if (!bar) return;
    const all = $('input[name=all]', bar), page = $('[data-all]');
    const on = boxes().filter(box => box.checked);
    boxes().forEach(box => box.closest('tr').classList.toggle('is-sel', box.checked || !!all?.checked));
    if (page) {
      page.checked = on.length > 0 && on.length === boxes().length;
      page.indeterminate = on.length > 0 && !page.checked;
    }
    bar.hidden = on.length === 0 && !all?.checked;
    const label = $('[data-count-text]', bar);
    if (label) label.textContent = label.dataset.countText.replace('{n}', on.length);
  }
  document.addEventListener('change', e => {
    if (e.target.matches('[data-all]')) boxes().forEach(box => (box.checked = e.target.checked));
    if (e.target.closest('[data-rows],[data-batch]')) select();
  });
  document.addEventListener('click', e => {
    if (!e.target.closest('[data-clear]')) return;
    $$('[data-rows] input.check, [data-batch] input.check').forEach(box => (box.checked = false));
    select();
  });

  document.addEventListener('hx:ready', () => { select(); looks(); });
})();
