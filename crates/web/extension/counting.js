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

/** Times what a tab dispatches within so many seconds. Returns how many dispatches were timed, or the error. */
export async function time(tabId, seconds) {
  const [{ result }] = await chrome.scripting.executeScript({
    target: { tabId },
    world: "MAIN",
    args: [seconds],
    func: async (seconds) => {
      try {
        const timed = async () =>
          (await globalThis.flopmeter.times()).flatMap(({ rows }) => rows).reduce((sum, { dispatches }) => sum + dispatches, 0);
        const before = await timed();
        await globalThis.flopmeter.beginTiming();
        await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
        await globalThis.flopmeter.endTiming();
        return { dispatches: (await timed()) - before };
      } catch (error) {
        return { error: error.message };
      }
    },
  });
  return result;
}

/** Lets a tab begin to count anew. */
export async function reset(tabId) {
  await chrome.scripting.executeScript({ target: { tabId }, world: "MAIN", func: () => globalThis.flopmeter?.reset() });
}
