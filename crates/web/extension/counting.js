// Which origins are counted, and how a tab is asked for its report. A page is counted by a script that runs before
// any of its own, in its own world, since that is where its WebGPU is.

/** The name under which an origin's script is registered. */
const idOf = (url) => `count ${new URL(url).origin}`;

/** Whether pages of this origin are counted from their next load on. */
export async function isCounted(url) {
  return (await chrome.scripting.getRegisteredContentScripts({ ids: [idOf(url)] })).length > 0;
}

/** Counts pages of this origin from their next load on. */
export async function begin(url) {
  const script = {
    id: idOf(url),
    js: ["inject.js"],
    // A match pattern has no port, and matches every one.
    matches: [`${new URL(url).protocol}//${new URL(url).hostname}/*`],
    runAt: "document_start",
    world: "MAIN",
    allFrames: true,
    persistAcrossSessions: false,
  };
  await chrome.scripting.registerContentScripts([script]);
}

/** Leaves pages of this origin alone from their next load on. */
export async function end(url) {
  await chrome.scripting.unregisterContentScripts({ ids: [idOf(url)] });
}

/** The reports of a tab: its page, and each of its workers. */
export async function reports(tabId) {
  const [{ result }] = await chrome.scripting.executeScript({
    target: { tabId },
    world: "MAIN",
    func: async () => {
      if (!globalThis.flopmeter) return { error: "it has no WebGPU, or has not been loaded again" };
      try {
        return { text: JSON.stringify(await globalThis.flopmeter.reports()) };
      } catch (error) {
        return { error: error.message };
      }
    },
  });
  if (result?.text === undefined) throw new Error(result?.error ?? "it did not answer");
  return JSON.parse(result.text);
}

/** Lets a tab begin to count anew. */
export async function reset(tabId) {
  await chrome.scripting.executeScript({ target: { tabId }, world: "MAIN", func: () => globalThis.flopmeter?.reset() });
}
