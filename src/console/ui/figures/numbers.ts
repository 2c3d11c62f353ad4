const WHOLE = new Intl.NumberFormat("en-GB");

/** 1240 as 1,240. */
export function count(value: number): string {
  return WHOLE.format(value);
}

/** `1 agent`, `1,240 agents`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** 0.0214 as 2.1 %. */
export function share(value: number): string {
  const percent = value * 100;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}
