// A conversation: opens at the message asked for, and stays where one reads when more comes in
// above or below.
(() => {
  'use strict';
  const { $, $$ } = hx;

  // A day that goes on where another part begins is named once.
  function days(chat) {
    let last = '';
    for (const day of $$('[data-day]', chat)) {
      if (day.dataset.day === last) day.remove();
      last = day.dataset.day;
    }
  }

  // What stands at the top of the screen, and how far from it.
  function anchor(chat) {
    const top = chat.getBoundingClientRect().top;
    const first = $$('[id^="m-"]', chat).find(one => one.getBoundingClientRect().bottom > top);
    return first && { first, by: first.getBoundingClientRect().top - top };
  }

  function begin(chat) {
    const now = $('.is-now', chat);
    if (now) chat.scrollTop += now.getBoundingClientRect().top - chat.getBoundingClientRect().top - (chat.clientHeight - now.offsetHeight) / 2;
    else if (!/[?&](before|after)=/.test(location.search)) chat.scrollTop = chat.scrollHeight;
    const hit = $('.arch__hits [aria-current]');
    hit?.scrollIntoView({ block: 'nearest' });
    let held = anchor(chat), before = null;
    chat.addEventListener('scroll', () => { held = anchor(chat); }, { passive: true });
    // Whoever asks for what has just come is led there, wherever they were reading.
    chat.addEventListener('click', e => { if (e.target.closest('[data-news]')) before = $$('[id^="m-"]', chat).pop(); }, true);
    new MutationObserver(() => {
      days(chat);
      const first = before?.isConnected && $$('[id^="m-"]', chat).find(one => before.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
      if (first) {
        before = null;
        chat.scrollTop += first.getBoundingClientRect().top - chat.getBoundingClientRect().top - 40;
        held = anchor(chat);
        return;
      }
      if (!held?.first.isConnected) { held = anchor(chat); return; }
      const top = chat.getBoundingClientRect().top;
      chat.scrollTop += held.first.getBoundingClientRect().top - top - held.by;
    }).observe(chat, { childList: true });
  }

  addEventListener('DOMContentLoaded', () => $$('[data-chat]').forEach(begin));
})();
