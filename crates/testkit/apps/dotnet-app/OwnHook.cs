// A startup hook of the application's own, in the image at /app/OwnHook.dll.
using System;

internal static class StartupHook
{
    public static void Initialize()
    {
        var domain = AppDomain.CurrentDomain;
        domain.SetData("ingraft.loaded", (domain.GetData("ingraft.loaded") as string) + "own hook\n");
    }
}
