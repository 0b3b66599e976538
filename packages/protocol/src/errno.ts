/** Errors as a reply has them, and node:fs: negative. Those that are named somewhere in the project's TypeScript. */
import { constants } from "node:os";

const { errno } = constants;

export const EPERM: number = -errno.EPERM;
export const ENOENT: number = -errno.ENOENT;
export const ECHILD: number = -errno.ECHILD;
export const EAGAIN: number = -errno.EAGAIN;
export const ENOMEM: number = -errno.ENOMEM;
export const EACCES: number = -errno.EACCES;
export const ENOTDIR: number = -errno.ENOTDIR;
export const ENFILE: number = -errno.ENFILE;
export const EMFILE: number = -errno.EMFILE;
export const ENAMETOOLONG: number = -errno.ENAMETOOLONG;
export const ESTALE: number = -errno.ESTALE;
export const ENOSYS: number = -errno.ENOSYS;
export const EOPNOTSUPP: number = -errno.EOPNOTSUPP;
export const ETIMEDOUT: number = -errno.ETIMEDOUT;
export const ECANCELED: number = -errno.ECANCELED;
