// All parts are there: look at the page.
hx.ready(document.body);
