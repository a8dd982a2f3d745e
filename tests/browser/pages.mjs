// Opens every page of a folder in Chromium and writes down, as JSON, what is wrong with each; judges nothing itself.
// usage: node pages.mjs FOLDER CHROMIUM REPORT [SEARCH_WORD]
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [folder, executablePath, report, word] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 900 };

const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.html'))
  .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)).replaceAll('\\', '/'))
  .filter((page) => !page.startsWith('_static/'))
  .sort();

// Runs in the page: what an eye, or a screen reader, would meet.
function lookAround() {
  const short = (element) => element.outerHTML.replace(/\s+/g, ' ').slice(0, 160);
  return {
    shown: document.documentElement.dataset.theme,
    maths: [...document.querySelectorAll('[data-mjx-error], mjx-merror, [data-mml-node="merror"]')].map(
      (e) => e.getAttribute('data-mjx-error') || e.textContent.slice(0, 80)),
    untypeset: [...document.querySelectorAll('.math')].filter((e) => !e.querySelector('mjx-container')).map(short),
    images: [...document.querySelectorAll('img')].map((e) => ({ alt: e.getAttribute('alt'), html: short(e) })),
    exercises: document.querySelectorAll('div.exercise').length,
    solutions: document.querySelectorAll('div.solution').length,
    open: [...document.querySelectorAll('details[open], div.solution:not(.toggle-hidden)')].map(short),
  };
}

// Runs in the page: opens hints, solutions and hidden cells, so that they are looked at, too.
function openAll() {
  document.querySelectorAll('details').forEach((e) => { e.open = true; });
  document.querySelectorAll('.toggle-hidden').forEach((e) => e.classList.remove('toggle-hidden'));
  const style = document.createElement('style');
  style.textContent = '*, *::before, *::after { animation: none !important; transition: none !important }';
  document.head.append(style);
}

// Runs in the page: the elements that make it wider than the window, except those inside a box that scrolls by itself.
function tooWide() {
  const root = document.scrollingElement;
  if (root.scrollWidth <= root.clientWidth + 1) return [];
  const clipped = (element) => {
    for (let box = element.parentElement; box && box !== document.body; box = box.parentElement) {
      if (getComputedStyle(box).overflowX !== 'visible') return true;
    }
    return false;
  };
  const wide = [...document.body.querySelectorAll('*')].filter(
    (e) => e.getBoundingClientRect().right > root.clientWidth + 1 && !clipped(e));
  const names = wide.map((e) => `<${e.tagName.toLowerCase()} id="${e.id}" class="${e.getAttribute('class') ?? ''}">`);
  return [`${root.scrollWidth} px wide: ${names.slice(0, 3).join(' ') || 'an element that was not found'}`];
}

// Without `preload`, which fetches style sheets anew and is refused that on pages opened from files.
async function runAxe(page) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () =>
    (await window.axe.run(document, { resultTypes: ['violations'], preload: false })).violations);
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map((node) => ({ id, impact, html: node.html.slice(0, 160), summary: node.failureSummary })));
}

async function visit(context, name, theme) {
  const page = await context.newPage();
  const requests = [];
  const errors = [];
  page.on('request', (request) => { if (/^(https?|wss?):/.test(request.url())) requests.push(request.url()); });
  page.on('requestfailed', (request) => errors.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()); });
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(pathToFileURL(join(folder, name)).href, { waitUntil: 'load' });
  await page.evaluate(() => window.MathJax?.startup?.promise);
  const seen = await page.evaluate(lookAround);
  await page.evaluate(openAll);
  await page.waitForTimeout(200);
  const violations = await runAxe(page);
  await page.setViewportSize(PHONE);
  await page.waitForTimeout(200);
  const wide = await page.evaluate(tooWide);
  // Only at this width do formulas, tables and code scroll, and must be reached with the keyboard.
  violations.push(...(await runAxe(page)).map((one) => ({ ...one, phone: true })));
  await page.close();
  return { theme, ...seen, requests, errors, violations, wide };
}

async function search(context) {
  const page = await context.newPage();
  await page.goto(pathToFileURL(join(folder, 'book/index.html')).href, { waitUntil: 'load' });
  await page.keyboard.press('Control+k');
  await page.keyboard.type(word);
  await page.keyboard.press('Enter');
  await page.waitForURL(/search\.html/);
  await page.waitForSelector('#search-results li a, ul.search li a', { timeout: 10_000 }).catch(() => null);
  const found = await page.evaluate(() => [...document.querySelectorAll('ul.search li a')].map((a) => a.href));
  await page.close();
  return found;
}

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const result = { pages: {}, found: [] };
for (const theme of ['light', 'dark']) {
  const context = await browser.newContext({ viewport: DESK, colorScheme: theme });
  await context.route(/^https?:/, (route) => route.abort());
  // The reader's choice, stored where the theme stores it.
  await context.addInitScript((mode) => {
    localStorage.setItem('mode', mode);
    localStorage.setItem('theme', mode);
  }, theme);
  for (const name of files) {
    // A page that only sends the reader on cannot be looked at.
    if (/http-equiv="?refresh/i.test(readFileSync(join(folder, name), 'utf8'))) continue;
    (result.pages[name] ??= []).push(await visit(context, name, theme));
  }
  if (word && theme === 'light') result.found = await search(context);
  await context.close();
}
await browser.close();
writeFileSync(report, JSON.stringify(result, null, 1));
