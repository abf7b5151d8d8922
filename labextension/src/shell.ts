/**
 * What a view may ask of JupyterLab.  The plugin sets it at activation; a view that a notebook shows asks the same.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, Notification } from '@jupyterlab/apputils';
import { PageConfig, PathExt } from '@jupyterlab/coreutils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { ReadonlyJSONObject } from '@lumino/coreutils';

export const SHOW = 'neronet:show';
export const OPEN_RUN = 'neronet:open-run';
/** The path of the session in which the panel's kernel runs. */
export const PATH = '.neronet-panel';

let app: JupyterFrontEnd | null = null;
let documents: IDocumentManager | null = null;

/** Called once, when the plugin is activated. */
export function setShell(front: JupyterFrontEnd, manager: IDocumentManager | null): void {
  app = front;
  documents = manager;
}

/** Where JupyterLab's file browser has the file of a computer's path; null outside the folder that it shows. */
export function contentsPath(root: string, path: string): string | null {
  const base = root.replace(/\\/g, '/').replace(/\/+$/, '');
  const slashed = path.replace(/\\/g, '/');
  // `normalize` takes a leading slash away.
  const plain = (slashed.startsWith('/') ? '/' : '') + PathExt.normalize(slashed);
  if (!plain.startsWith('/') && !/^[A-Za-z]:\//.test(plain)) {
    return plain === '..' || plain.startsWith('../') ? null : plain;
  }
  return plain === base ? '' : plain.startsWith(`${base}/`) ? plain.slice(base.length + 1) : null;
}

/** The computer's path of what the file browser calls `path`. */
export function computerPath(root: string, path: string): string {
  const base = root.replace(/[\\/]+$/, '');
  return path ? `${base}/${path}` : base || '/';
}

/** The folder of the computer that the file browser shows. */
export function serverRoot(): string {
  return PageConfig.getOption('serverRoot');
}

/** Runs a command of JupyterLab. */
export async function execute(command: string, args: ReadonlyJSONObject = {}): Promise<unknown> {
  return app?.commands.execute(command, args);
}

/** Opens the tab of a run. */
export async function openRun(number: number): Promise<void> {
  await execute(OPEN_RUN, { number });
}

/** Shows a folder in the file browser; false, after saying so, when it is outside of what that shows. */
export async function openFolder(path: string): Promise<boolean> {
  const inside = within(path);
  if (inside === null) {
    return false;
  }
  await execute('filebrowser:open-path', { path: `/${inside}` });
  return true;
}

/** Opens a file in a tab, at a line (from 1); false, after saying so, when it is outside of what JupyterLab shows. */
export async function openFile(path: string, line?: number): Promise<boolean> {
  const inside = within(path);
  if (inside === null) {
    return false;
  }
  const widget = documents?.openOrReveal(inside, line === undefined ? 'default' : 'Editor');
  if (widget && line !== undefined) {
    await widget.context.ready;
    widget.setFragment(`#line=${line - 1}`);
  }
  return true;
}

interface NotebookTab {
  context: { ready: Promise<void>; sessionContext: { ready: Promise<void> } };
  content: { activeCell: { model: { sharedModel: { setSource: (text: string) => void } } } | null };
}

/** Opens a new notebook whose one cell is `code`, and runs it; Notebook 7 shows it in a page of its own, empty. */
export async function openNotebook(code: string): Promise<void> {
  const panel = Array.from(app?.serviceManager.sessions.running() ?? []).find(session => session.path === PATH);
  const widget = (await execute('notebook:create-new', { kernelName: panel?.kernel?.name ?? '' })) as NotebookTab | undefined;
  if (!widget) {
    copy(code);
    Notification.info('The lines are on the clipboard: paste them into the new notebook.', { autoClose: 8000 });
    return;
  }
  await widget.context.ready;
  widget.content.activeCell?.model.sharedModel.setSource(code);
  await widget.context.sessionContext.ready;
  await execute('notebook:run-all-cells');
}

/** Puts a text on the clipboard. */
export function copy(text: string): void {
  Clipboard.copyToSystem(text);
}

function within(path: string): string | null {
  const inside = contentsPath(serverRoot(), path);
  // The server opens nothing in ~/.neronet unless its contents manager allows hidden files.
  const hidden = !!inside && PageConfig.getOption('allow_hidden_files') !== 'true' && inside.split('/').some(part => part.startsWith('.'));
  if (inside === null || hidden) {
    const why = hidden ? 'is hidden, and JupyterLab does not open hidden files.' : 'is outside the folder that JupyterLab shows.';
    Notification.info(`${path} ${why}`, {
      autoClose: 8000,
      actions: [{ label: 'Copy path', callback: () => copy(path) }]
    });
    return null;
  }
  return inside;
}
