// The page before `workbench view`: rows are fetched, and new answers are announced.

const FETCHED = 200;  // rows of a request
const POLL_MS = 10_000, TYPING_MS = 250;

// Read JSON of the server; the page says why if that fails.
async function request(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, { cache: "no-store", redirect: "error", ...options });
  } catch {
    announce("workbench view has ended. Start it again, and open the address that it prints.");
    throw new Error(`no answer: ${address}`);
  }
  const isJson = answer.headers.get("content-type") === "application/json";
  const reply = isJson ? await answer.json() : { error: await answer.text() };
  if (answer.ok) return reply;
  throw new Error(reply.error || `HTTP ${answer.status}`);
}

// As the source of the file (source.js), over the server.
function liveSource() {
  let found = { text: "", numbers: [] };

  async function rows(numbers) {
    const batches = [];
    for (let start = 0; start < numbers.length; start += FETCHED)
      batches.push(await request(`rows?numbers=${numbers.slice(start, start + FETCHED)}`));
    return batches.flat();
  }

  async function search(text) {
    if (found.text === text) return [...found.numbers];
    await new Promise((resolve) => { setTimeout(resolve, TYPING_MS); });
    if (view.search !== text) return [];  // the reader types on: another list is drawn
    const sent = encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd"));
    found = { text, numbers: await request(`search?q=${sent}`) };
    return [...found.numbers];
  }

  return { rows, search, more: (number) => request(`more?number=${number}`) };
}

function announce(...children) {
  const note = part("live") ?? el("p", { id: "live", role: "status" });
  note.replaceChildren(...children);
  if (!note.isConnected) part("about").after(note);
}

async function poll() {
  if (document.visibilityState !== "visible") return;
  const { new: answers, rating_error: error, mlflow } = await request("state");
  data.mlflow = mlflow;
  const reload = el("button", { onclick: () => location.reload() }, "reload");
  if (answers) announce(`${plural(answers, "new answer")} in the store. `, reload);
  else if (error) announce(`MLflow: ${error}`);
  else part("live")?.remove();
}

function startLive() {
  if (data.live) setInterval(() => poll().catch(() => {}), POLL_MS);
}
