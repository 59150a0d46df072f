// The Chromium of package-lock.json, and what is an error of a page that it shows.
import chromium from "@sparticuz/chromium";
import { chromium as playwright } from "playwright-core";

// Not the package's own arguments: by them all pages share one process, and the first that closes takes the others with it.
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync"];

export const launched = async () => playwright.launch({ executablePath: await chromium.executablePath(), args: ARGUMENTS });

// The errors of a page from now on: whatever it says on the console of the browser, asks of another host, or runs.
export const watched = (page, base) => {
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => errors.push(`script: ${error.message}`));
  page.on("dialog", async (dialog) => {
    errors.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(base) && !request.url().startsWith("data:")) errors.push(`asks ${request.url()}`);
  });
  return errors;
};
