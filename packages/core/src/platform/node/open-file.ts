import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { OpenFile } from '../platform.js';

/** Without waiting for the other end of a named pipe, which is refused then. */
export async function openToRead(path: string): Promise<OpenFile> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await handle.stat();
    if (status.isFile()) return new NodeOpenFile(handle, status.size);
    throw new Error(`it is ${status.isDirectory() ? 'a directory' : 'no regular file'}`);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

class NodeOpenFile implements OpenFile {
  constructor(
    private readonly handle: FileHandle,
    readonly size: number,
  ) {}

  async read(position: number, bytes: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(bytes);
    const { bytesRead } = await this.handle.read(buffer, 0, bytes, position);
    return bytesRead === bytes ? buffer : buffer.subarray(0, bytesRead);
  }

  close(): void {
    // What cannot be closed is closed with the process.
    this.handle.close().catch(() => {});
  }
}
